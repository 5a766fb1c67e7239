"""Models trained with a tf.function step and a GradientTape, without Keras.

python tf_function.py cnn --width 32 --batch 32 --optimizer adam
"""

import argparse

import numpy as np
import tensorflow as tf

WEIGHTS = []


def weight(*shape):
    fan = max(1, int(np.prod(shape[:-1])))
    WEIGHTS.append(tf.Variable(tf.random.normal(shape, stddev=(1.0 / fan) ** 0.5)))
    return WEIGHTS[-1]


def mlp(width):
    sizes = [512, width, width, width, 100]
    matrices = [(weight(a, b), weight(b)) for a, b in zip(sizes, sizes[1:])]

    def forward(x):
        for matrix, bias in matrices[:-1]:
            x = tf.nn.relu(x @ matrix + bias)
        return x @ matrices[-1][0] + matrices[-1][1]

    return forward, (512,), (), 100


def cnn(width):
    filters = [weight(3, 3, a, b) for a, b in ((3, width), (width, 2 * width), (2 * width, 4 * width))]
    first, last = weight(8 * 8 * 4 * width, 256), weight(256, 10)

    def forward(x):
        for one in filters:
            x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, one, 1, "SAME")), 2, 2, "SAME")
        return tf.nn.relu(tf.reshape(x, (-1, 8 * 8 * 4 * width)) @ first) @ last

    return forward, (64, 64, 3), (), 10


def norm(x, scale, shift):
    mean, variance = tf.nn.moments(x, (0, 1, 2))
    return tf.nn.batch_normalization(x, mean, variance, shift, scale, 1e-5)


def resnet(width):
    stem, blocks, before = weight(3, 3, 3, width), [], width
    for level in range(3):
        after = width * 2**level
        shapes = ((1, 1, before, after), (3, 3, before, after), (3, 3, after, after))
        blocks.append([weight(*shape) for shape in shapes] + [weight(after) for _ in range(4)])
        before = after
    last = weight(before, 10)

    def forward(x):
        x = tf.nn.relu(tf.nn.conv2d(x, stem, 1, "SAME"))
        for short, first, second, s1, b1, s2, b2 in blocks:
            kept = tf.nn.conv2d(x, short, 2, "SAME")
            x = tf.nn.relu(norm(tf.nn.conv2d(x, first, 2, "SAME"), s1, b1))
            x = tf.nn.relu(norm(tf.nn.conv2d(x, second, 1, "SAME"), s2, b2) + kept)
        return tf.reduce_mean(x, (1, 2)) @ last

    return forward, (32, 32, 3), (), 10


def mobilenet(width):
    stem, layers, before = weight(3, 3, 3, width), [], width
    for after, stride in ((2 * width, 1), (2 * width, 2), (4 * width, 1), (4 * width, 2)):
        layers.append((weight(3, 3, before, 1), weight(1, 1, before, after), weight(after), weight(after), stride))
        before = after
    last = weight(before, 10)

    def forward(x):
        x = tf.nn.relu6(tf.nn.conv2d(x, stem, 2, "SAME"))
        for depthwise, pointwise, scale, shift, stride in layers:
            x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, depthwise, (1, stride, stride, 1), "SAME"))
            x = tf.nn.relu6(norm(tf.nn.conv2d(x, pointwise, 1, "SAME"), scale, shift))
        return tf.reduce_mean(x, (1, 2)) @ last

    return forward, (64, 64, 3), (), 10


def lstm(width):
    table, kernel, bias, last = (
        weight(8000, width),
        weight(2 * width, 4 * width),
        weight(4 * width),
        weight(width, 8000),
    )

    def forward(ids):
        x = tf.transpose(tf.gather(table, ids), (1, 0, 2))
        h = c = tf.zeros((tf.shape(ids)[0], width))
        for at in tf.range(40):
            i, f, g, o = tf.split(tf.concat((x[at], h), 1) @ kernel + bias, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
        return h @ last

    return forward, (40,), (), 8000


def gru(width):
    gates, candidate, last = weight(64 + width, 2 * width), weight(64 + width, width), weight(width, 20)

    def forward(x):
        h = tf.zeros((tf.shape(x)[0], width))
        for step in tf.unstack(x, axis=1):
            z, r = tf.split(tf.sigmoid(tf.concat((step, h), 1) @ gates), 2, 1)
            h = (1 - z) * h + z * tf.tanh(tf.concat((step, r * h), 1) @ candidate)
        return h @ last

    return forward, (50, 64), (), 20


def layer_norm(x, scale):
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5) * scale


def transformer(width, layers, heads, length, tokens, causal, feed):
    table, places = weight(tokens, width), weight(length, width)
    blocks = [
        [weight(width, 3 * width), weight(width, width), weight(width, feed * width), weight(feed * width, width),
         weight(width), weight(width)]
        for _ in range(layers)
    ]  # fmt: skip
    mask = tf.linalg.band_part(tf.ones((length, length)), -1, 0) if causal else None

    def forward(ids):
        x = tf.gather(table, ids) + places
        for qkv, out, up, down, s1, s2 in blocks:
            y = tf.reshape(layer_norm(x, s1) @ qkv, (-1, length, 3, heads, width // heads))
            q, k, v = tf.unstack(tf.transpose(y, (2, 0, 3, 1, 4)))
            scores = tf.matmul(q, k, transpose_b=True) * (heads / width) ** 0.5
            scores = scores if mask is None else tf.where(mask > 0, scores, -1e9)
            y = tf.transpose(tf.nn.softmax(scores) @ v, (0, 2, 1, 3))
            x = x + tf.reshape(y, (-1, length, width)) @ out
            x = x + tf.nn.gelu(layer_norm(x, s2) @ up) @ down
        return x

    return forward, table


def encoder(width):
    inside, _ = transformer(width, 3, 4, 64, 10000, False, 4)
    last = weight(width, 20)
    return (lambda ids: tf.reduce_mean(inside(ids), 1) @ last), (64,), (), 20


def decoder(width):
    inside, table = transformer(width, 2, 8, 96, 6000, True, 3)
    return (lambda ids: tf.matmul(inside(ids), table, transpose_b=True)), (96,), (96,), 6000


def unet(width):
    sizes = [width, 2 * width, 4 * width, 8 * width]
    down = [weight(3, 3, a, b) for a, b in zip([3, *sizes], sizes)]
    up = [(weight(3, 3, a + b, b)) for a, b in ((8 * width, 4 * width), (4 * width, 2 * width), (2 * width, width))]
    last = weight(1, 1, width, 4)

    def forward(x):
        kept = []
        for at, one in enumerate(down):
            x = tf.nn.relu(tf.nn.conv2d(x, one, 1, "SAME"))
            if at < 3:
                kept.append(x)
                x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        for one, beside in zip(up, reversed(kept)):
            x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
            x = tf.nn.relu(tf.nn.conv2d(tf.concat((x, beside), 3), one, 1, "SAME"))
        return tf.nn.conv2d(x, last, 1, "SAME")

    return forward, (64, 64, 3), (64, 64), 4


def vae(width):
    first, second = weight(3, 3, 1, width), weight(3, 3, width, 2 * width)
    dense, mean, spread = weight(8 * 8 * 2 * width, 512), weight(512, 32), weight(512, 32)
    back, last = weight(32, 8 * 8 * 2 * width), weight(3, 3, 2 * width, 2)

    def forward(x):
        x = tf.nn.relu(tf.nn.conv2d(x, first, 2, "SAME"))
        x = tf.nn.relu(tf.nn.conv2d(x, second, 2, "SAME"))
        x = tf.nn.relu(tf.reshape(x, (-1, 8 * 8 * 2 * width)) @ dense)
        code = x @ mean + tf.exp(0.5 * (x @ spread)) * tf.random.normal((tf.shape(x)[0], 32))
        x = tf.reshape(tf.nn.relu(code @ back), (-1, 8, 8, 2 * width))
        x = tf.image.resize(x, (32, 32), "nearest")
        return tf.nn.conv2d(x, last, 1, "SAME")

    return forward, (32, 32, 1), (32, 32), 2


MODELS = {one.__name__: one for one in (mlp, cnn, resnet, mobilenet, lstm, gru, encoder, decoder, unet, vae)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="adam")
    options = parser.parse_args()

    forward, shape, labels, classes = MODELS[options.model](options.width)
    slots = 2 if options.optimizer == "adam" else 0
    state = [[tf.Variable(tf.zeros_like(one)) for one in WEIGHTS] for _ in range(slots)]

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, forward(x))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, WEIGHTS)
        for at, (one, gradient) in enumerate(zip(WEIGHTS, gradients)):
            gradient = tf.convert_to_tensor(gradient)
            if slots:
                state[0][at].assign(0.9 * state[0][at] + 0.1 * gradient)
                state[1][at].assign(0.999 * state[1][at] + 0.001 * gradient**2)
                gradient = state[0][at] / (tf.sqrt(state[1][at]) + 1e-8)
            one.assign_sub(0.001 * gradient)
        return loss

    rng = np.random.default_rng(0)
    examples = 8 * options.batch
    if options.model in ("lstm", "encoder", "decoder"):
        x = rng.integers(0, 6000, (examples, *shape), dtype="int32")
    else:
        x = rng.random((examples, *shape), dtype="float32")
    y = rng.integers(0, classes, (examples, *labels), dtype="int32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256).batch(options.batch, drop_remainder=True)
    for at, (images, answers) in enumerate(data.repeat().prefetch(2).take(options.steps)):
        loss = step(images, answers)
        if at % 8 == 0:
            print(at, float(loss))


if __name__ == "__main__":
    main()
