"""Keras's own ResNet-50 trained with fit(); the backend is Keras's own choice (KERAS_BACKEND).

python resnet50_keras.py --batch 32 --steps 32
"""

import argparse

import keras
import numpy as np


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    examples = 2 * options.batch
    x = rng.random((examples, 224, 224, 3), dtype="float32")
    y = rng.integers(0, 1000, examples, dtype="int32")
    model = keras.applications.ResNet50(weights=None)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=options.batch, epochs=-(-options.steps // 2), verbose=0)


if __name__ == "__main__":
    main()
