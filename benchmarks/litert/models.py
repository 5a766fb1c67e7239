"""Writes models as files for small devices: python benchmarks/litert/models.py FOLDER [NAME …]

Runs where TensorFlow is (2.21); weights are random. Each is written as floats and in 8-bit integers, some of the large
ones with 8-bit weights alone. Half of the names are for tuning (`HALVES`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

HALVES = {
    "tuning": ("mlp", "kws-dscnn", "autoencoder", "resnet8", "vww-mobilenet", "conv1d", "unet-64", "mobilenetv2",
               "resnet50", "lstm"),
    "judging": ("lenet", "efficientnetb0", "unet-256", "encoder", "mobilenetv3", "nasnet", "gru-unrolled",
                "squeeze", "separable-1d", "segment"),
}  # fmt: skip
WEIGHTS_ALONE = ("nasnet",)  # whose calibration takes long


def build(name: str) -> Any:
    """One of them, as a Keras model."""
    from tensorflow import keras  # type: ignore[import-not-found]

    layers, ready = keras.layers, keras.applications

    def chain(shape: tuple[int, ...], *parts: Any) -> Any:
        return keras.Sequential([layers.Input(shape), *parts])

    def separable(channels: int, stride: int = 1) -> list[Any]:
        return [
            layers.DepthwiseConv2D(3, stride, "same"), layers.BatchNormalization(), layers.ReLU(),
            layers.Conv2D(channels, 1), layers.BatchNormalization(), layers.ReLU(),
        ]  # fmt: skip

    def dense(*sizes: int, activation: str = "relu") -> list[Any]:
        return [layers.Dense(size, activation=activation) for size in sizes]

    makers = {
        "mlp": lambda: chain((64,), *dense(128, 64), layers.Dense(10, activation="softmax")),
        "autoencoder": lambda: chain((640,), *dense(128, 128, 128, 8, 128, 128, 128), layers.Dense(640)),
        "kws-dscnn": lambda: chain(
            (49, 10, 1), layers.Conv2D(64, (10, 4), (2, 2), "same"), layers.BatchNormalization(), layers.ReLU(),
            *separable(64), *separable(64), *separable(64), *separable(64),
            layers.GlobalAveragePooling2D(), layers.Dense(12, activation="softmax"),
        ),
        "conv1d": lambda: chain(
            (128, 9), layers.Conv1D(32, 5, activation="relu"), layers.MaxPool1D(2),
            layers.Conv1D(64, 5, activation="relu"), layers.GlobalMaxPooling1D(), layers.Dense(6),
        ),
        "lenet": lambda: chain(
            (28, 28, 1), layers.Conv2D(6, 5, activation="tanh", padding="same"), layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(),
            *dense(120, 84, activation="tanh"), layers.Dense(10),
        ),
        "separable-1d": lambda: chain(
            (256, 6), layers.SeparableConv1D(24, 9, 2, activation="relu"),
            layers.SeparableConv1D(48, 5, 2, activation="relu"), layers.GlobalAveragePooling1D(), layers.Dense(5),
        ),
        "lstm": lambda: keras.Sequential(  # the converter makes one operator of it where it knows the batch
            [layers.Input(batch_shape=(1, 28, 28)), layers.LSTM(20), layers.Dense(10, activation="softmax")]
        ),
        "gru-unrolled": lambda: chain((16, 12), layers.GRU(24, unroll=True), layers.Dense(4)),
        "resnet8": lambda: _resnet8(keras),
        "unet-64": lambda: _unet(keras, 64, 8),
        "unet-256": lambda: _unet(keras, 256, 32),
        "segment": lambda: _segment(keras),
        "squeeze": lambda: _squeeze(keras),
        "encoder": lambda: _encoder(keras, 128, 256, 4, 4),
        "vww-mobilenet": lambda: ready.MobileNet((96, 96, 3), alpha=0.25, weights=None, classes=2),
        "mobilenetv2": lambda: ready.MobileNetV2((224, 224, 3), weights=None),
        "mobilenetv3": lambda: ready.MobileNetV3Small((224, 224, 3), weights=None),
        "resnet50": lambda: ready.ResNet50(weights=None),
        "efficientnetb0": lambda: ready.EfficientNetB0(weights=None),
        "nasnet": lambda: ready.NASNetMobile(weights=None),
    }  # fmt: skip
    return makers[name]()


def _resnet8(keras: Any) -> Any:
    layers = keras.layers
    given = found = layers.Input((32, 32, 3))
    found = layers.Conv2D(16, 3, padding="same", activation="relu")(found)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        inner = layers.Conv2D(channels, 3, stride, "same", activation="relu")(found)
        inner = layers.Conv2D(channels, 3, padding="same")(inner)
        skipped = found if stride == 1 else layers.Conv2D(channels, 1, stride)(found)
        found = layers.ReLU()(layers.Add()([inner, skipped]))
    found = layers.GlobalAveragePooling2D()(found)
    return keras.Model(given, layers.Dense(10, activation="softmax")(found))


def _unet(keras: Any, side: int, channels: int) -> Any:
    layers = keras.layers
    given = found = layers.Input((side, side, 3))
    skipped = []
    for level in range(3):
        found = layers.Conv2D(channels << level, 3, padding="same", activation="relu")(found)
        skipped.append(found)
        found = layers.MaxPool2D(2)(found)
    for level in (2, 1, 0):
        found = layers.Conv2DTranspose(channels << level, 2, 2)(found)
        found = layers.Concatenate()([found, skipped[level]])
        found = layers.Conv2D(channels << level, 3, padding="same", activation="relu")(found)
    return keras.Model(given, layers.Conv2D(2, 1, activation="softmax")(found))


def _segment(keras: Any) -> Any:
    layers = keras.layers
    given = found = layers.Input((128, 128, 3))
    for channels in (16, 32, 64):
        found = layers.SeparableConv2D(channels, 3, 2, "same", activation="relu6")(found)
    wide = layers.Concatenate()(
        [layers.Conv2D(32, 3, padding="same", dilation_rate=rate, activation="relu")(found) for rate in (1, 2, 4)]
    )
    return keras.Model(given, layers.UpSampling2D(8, interpolation="bilinear")(layers.Conv2D(4, 1)(wide)))


def _squeeze(keras: Any) -> Any:
    layers = keras.layers
    given = layers.Input((64, 64, 3))
    found = layers.MaxPool2D(3, 2)(layers.Conv2D(32, 3, 2, activation="relu")(given))
    for narrow, wide in ((8, 32), (16, 64), (24, 96)):
        thin = layers.Conv2D(narrow, 1, activation="relu")(found)
        sides = [layers.Conv2D(wide, size, padding="same", activation="relu")(thin) for size in (1, 3)]
        found = layers.Concatenate()(sides)
    return keras.Model(given, layers.Dense(6)(layers.GlobalAveragePooling2D()(found)))


def _encoder(keras: Any, tokens: int, width: int, heads: int, depth: int) -> Any:
    layers = keras.layers
    given = found = layers.Input((tokens, width))
    for _ in range(depth):
        seen = layers.MultiHeadAttention(heads, width // heads)(found, found)
        found = layers.LayerNormalization()(layers.Add()([found, seen]))
        inner = layers.Dense(width)(layers.Dense(4 * width, activation="relu")(found))
        found = layers.LayerNormalization()(layers.Add()([found, inner]))
    return keras.Model(given, layers.Dense(8)(layers.GlobalAveragePooling1D()(found)))


def convert(name: str, kind: str) -> bytes:
    """A model's file: "float", "int8" (calibrated on noise), or "weights" (those in 8 bits, computing in floats)."""
    import numpy as np
    import tensorflow as tf  # type: ignore[import-not-found]

    made = build(name)
    converter = tf.lite.TFLiteConverter.from_keras_model(made)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        chosen, shape = np.random.default_rng(0), [1, *made.input_shape[1:]]
        converter.representative_dataset = lambda: ([chosen.random(shape, dtype="f4")] for _ in range(4))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main() -> None:
    """Write those that are not there yet."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    for name in wanted or [each for names in HALVES.values() for each in names]:
        for kind in ("float", "weights" if name in WEIGHTS_ALONE else "int8"):
            path = folder / f"{name}-{kind}.tflite"
            if path.exists():
                continue
            try:
                path.write_bytes(convert(name, kind))
            except Exception as error:  # whatever a converter says: the next model may be made
                print(path, "is not converted:", str(error)[:200], flush=True)
            else:
                print(path, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main()
