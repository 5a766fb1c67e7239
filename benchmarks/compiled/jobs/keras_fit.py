"""Small Keras models trained with fit(); the backend is Keras's own choice (KERAS_BACKEND).

python keras_fit.py resnet --width 32 --batch 32 --optimizer adam
"""

import argparse
import math

import keras
import numpy as np
from keras import layers


def mlp(width):
    inputs = keras.Input((512,))
    x = inputs
    for _ in range(4):
        x = layers.Dense(width, activation="relu")(x)
        x = layers.Dropout(0.1)(x)
    return keras.Model(inputs, layers.Dense(100)(x)), (512,), (), 100


def cnn(width):
    model = keras.Sequential([keras.Input((64, 64, 3))])
    for level in range(3):
        model.add(layers.Conv2D(width * 2**level, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dense(10))
    return model, (64, 64, 3), (), 10


def resnet(width):
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for level in range(3):
        shortcut = layers.Conv2D(width * 2**level, 1, strides=2)(x)
        x = layers.Conv2D(width * 2**level, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(width * 2**level, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x)), (32, 32, 3), (), 10


def mobilenet(width):
    inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for level, strides in enumerate((1, 2, 1, 2)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(width * 2 ** (level // 2 + 1), 1, use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x)), (64, 64, 3), (), 10


def lstm(width):
    inputs = keras.Input((40,), dtype="int32")
    x = layers.Embedding(8000, width)(inputs)
    x = layers.LSTM(width, return_sequences=True)(x)
    x = layers.LSTM(width)(x)
    return keras.Model(inputs, layers.Dense(8000)(x)), (40,), (), 8000


def gru(width):
    inputs = keras.Input((50, 64))
    x = layers.Bidirectional(layers.GRU(width, return_sequences=True))(inputs)
    x = layers.GRU(width)(x)
    return keras.Model(inputs, layers.Dense(20)(x)), (50, 64), (), 20


class Block(layers.Layer):
    """Attention and a feed-forward part, each with its residual."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.first, self.second = layers.Dense(4 * width, activation="gelu"), layers.Dense(width)
        self.before, self.between = layers.LayerNormalization(), layers.LayerNormalization()

    def call(self, x):
        y = self.before(x)
        x = x + self.attention(y, y)
        return x + self.second(self.first(self.between(x)))


def encoder(width):
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Embedding(10000, width)(inputs)
    for _ in range(3):
        x = Block(width, 4)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(20)(x)), (64,), (), 20


class Decoder(keras.Model):
    """A causal language model as a subclass."""

    def __init__(self, width):
        super().__init__()
        self.tokens, self.places = layers.Embedding(6000, width), layers.Embedding(96, width)
        self.attentions = [layers.MultiHeadAttention(8, width // 8) for _ in range(2)]
        self.feeds = [keras.Sequential([layers.Dense(3 * width, "relu"), layers.Dense(width)]) for _ in range(2)]
        self.norms = [layers.LayerNormalization() for _ in range(5)]
        self.head = layers.Dense(6000)

    def call(self, ids):
        x = self.tokens(ids) + self.places(keras.ops.arange(96))
        for at, (attention, feed) in enumerate(zip(self.attentions, self.feeds)):
            y = self.norms[2 * at](x)
            x = x + attention(y, y, use_causal_mask=True)
            x = x + feed(self.norms[2 * at + 1](x))
        return self.head(self.norms[4](x))


def decoder(width):
    return Decoder(width), (96,), (96,), 6000


def unet(width):
    inputs = keras.Input((64, 64, 3))
    x, kept = inputs, []
    for level in range(3):
        x = layers.Conv2D(width * 2**level, 3, padding="same", activation="relu")(x)
        kept.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(width * 8, 3, padding="same", activation="relu")(x)
    for level in reversed(range(3)):
        x = layers.Conv2DTranspose(width * 2**level, 2, strides=2)(x)
        x = layers.Concatenate()([x, kept[level]])
        x = layers.Conv2D(width * 2**level, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(4, 1)(x)), (64, 64, 3), (64, 64), 4


class Sampling(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(7)

    def call(self, values):
        mean, spread = values
        self.add_loss(-0.5 * keras.ops.mean(1 + spread - mean**2 - keras.ops.exp(spread)))
        return mean + keras.ops.exp(0.5 * spread) * keras.random.normal(keras.ops.shape(mean), seed=self.seeds)


def vae(width):
    inputs = keras.Input((32, 32, 1))
    x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(2 * width, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(512, activation="relu")(layers.Flatten()(x))
    code = Sampling()([layers.Dense(32)(x), layers.Dense(32)(x)])
    x = layers.Reshape((8, 8, 2 * width))(layers.Dense(8 * 8 * 2 * width, activation="relu")(code))
    x = layers.Conv2DTranspose(2 * width, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(2, 3, padding="same")(x)), (32, 32, 1), (32, 32), 2


MODELS = {one.__name__: one for one in (mlp, cnn, resnet, mobilenet, lstm, gru, encoder, decoder, unet, vae)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--optimizer", default="adam")
    options = parser.parse_args()

    keras.utils.set_random_seed(0)
    model, shape, labels, classes = MODELS[options.model](options.width)
    model.compile(options.optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    examples = options.batch * min(8, options.steps)
    rng = np.random.default_rng(0)
    if options.model in ("lstm", "encoder", "decoder"):
        x = rng.integers(0, 6000, (examples, *shape), dtype="int32")
    else:
        x = rng.random((examples, *shape), dtype="float32")
    y = rng.integers(0, classes, (examples, *labels), dtype="int32")
    epochs = math.ceil(options.steps / min(8, options.steps))
    model.fit(x, y, batch_size=options.batch, epochs=epochs, verbose=2)


if __name__ == "__main__":
    main()
