"""Made-up arrays where Keras and JAX's examples keep downloads: KERAS_HOME/datasets, and a folder of gzipped idx files.

Trusts numpy; the shapes are those of the published data sets, as keras.datasets asks for them.
"""

import gzip
import pickle
import struct
import tarfile
import tempfile
from pathlib import Path

import numpy as np

_random = np.random.default_rng(0)


def _noise(*shape: int) -> np.ndarray:
    return _random.integers(0, 256, shape, dtype=np.uint8)


def _labels(count: int, classes: int = 10) -> np.ndarray:
    return (np.arange(count) % classes).astype(np.uint8)


def keras_mnist(root: Path, train: int = 60000, test: int = 10000) -> None:
    """root/datasets/mnist.npz."""
    (root / "datasets").mkdir(parents=True, exist_ok=True)
    arrays = {"x_train": _noise(train, 28, 28), "y_train": _labels(train)}
    np.savez(root / "datasets" / "mnist.npz", x_test=_noise(test, 28, 28), y_test=_labels(test), **arrays)


def keras_fashion_mnist(root: Path, train: int = 60000, test: int = 10000) -> None:
    """root/datasets/fashion-mnist: four gzipped idx files."""
    jax_mnist(root / "datasets" / "fashion-mnist", train, test)


def keras_cifar10(root: Path) -> None:
    """root/datasets/cifar-10-batches-py-target_archive: six pickles of 10,000 pictures in a folder of an archive."""
    names = [f"data_batch_{at}" for at in range(1, 6)] + ["test_batch"]
    _cifar(root, "cifar-10-batches-py", dict.fromkeys(names, (10000, b"labels", 10)))


def keras_cifar100(root: Path) -> None:
    """The same with two pickles, train and test, and a hundred classes."""
    _cifar(root, "cifar-100-python", {"train": (50000, b"fine_labels", 100), "test": (10000, b"fine_labels", 100)})


def _cifar(root: Path, folder: str, parts: dict[str, tuple[int, bytes, int]]) -> None:
    (root / "datasets").mkdir(parents=True, exist_ok=True)
    target = root / "datasets" / f"{folder}-target_archive"
    with tempfile.TemporaryDirectory() as place, tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for name, (count, key, classes) in parts.items():
            batch = {b"data": _noise(count, 3072), key: _labels(count, classes).tolist()}
            (Path(place) / name).write_bytes(pickle.dumps(batch))
            archive.add(Path(place) / name, f"{folder}/{name}")


def jax_mnist(root: Path, train: int = 60000, test: int = 10000) -> None:
    """root with four gzipped idx files."""
    root.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + _noise(count, 28, 28).tobytes()
        labels = struct.pack(">II", 0x801, count) + _labels(count).tobytes()
        (root / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, 1))
        (root / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, 1))
