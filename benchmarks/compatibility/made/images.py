"""Made-up pictures: MNIST idx files, CIFAR pickles, folders of JPEG files, pairs of pictures and masks.

Trusts numpy and Pillow; the layouts are those that torchvision.datasets and the named repositories read.
"""

import pickle
import struct
from pathlib import Path

import numpy as np
from PIL import Image

_random = np.random.default_rng(0)


def _noise(*shape: int) -> np.ndarray:
    return _random.integers(0, 256, shape, dtype=np.uint8)


def _save(path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(_noise(8, 8, 3))
    coarse.resize((width, height)).save(path, quality=85)


def mnist(root: Path, train: int = 4096, test: int = 1024) -> None:
    """root/MNIST/raw as torchvision leaves it: four idx files of big-endian headers and bytes."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + _noise(count, 28, 28).tobytes()
        labels = struct.pack(">II", 0x801, count) + (np.arange(count) % 10).astype(np.uint8).tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)


def cifar10(root: Path, per_file: int = 500) -> None:
    """root/cifar-10-batches-py: six pickles of {data, labels} and the list of names."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True, exist_ok=True)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        batch = {"data": _noise(per_file, 3072), "labels": [i % 10 for i in range(per_file)]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class{i}" for i in range(10)]}))
    (root / "cifar-10-python.tar.gz").write_bytes(b"")


def cifar100(root: Path, count: int = 1000) -> None:
    """root/cifar-100-python: train and test pickles of {data, fine_labels} and the list of names."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train", "test"):
        batch = {"data": _noise(count, 3072), "fine_labels": [i % 100 for i in range(count)]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": [f"class{i}" for i in range(100)]}))
    (root / "cifar-100-python.tar.gz").write_bytes(b"")


def image_folder(root: Path, classes: int = 4, each: int = 16, width: int = 256, height: int = 256) -> None:
    """root/<class>/<class>-<n>.jpg, as torchvision's ImageFolder reads it; names are unique, as ImageNet's are."""
    for label in range(classes):
        for index in range(each):
            _save(root / f"class{label}" / f"class{label}-{index:04d}.jpg", width, height)


def train_val_folders(root: Path, classes: int = 4, each: int = 64, width: int = 256, height: int = 256) -> None:
    """root/train and root/val, each an ImageFolder."""
    for part, count in (("train", each), ("val", max(each // 4, 4))):
        image_folder(root / part, classes, count, width, height)


def flat_folder(root: Path, count: int = 32, width: int = 256, height: int = 256, prefix: str = "image_") -> None:
    """root/<prefix><n>.jpg without sub-folders; the prefix carries the class where a script reads it from there."""
    for index in range(count):
        _save(root / f"{prefix}{index:04d}.jpg", width, height)


def breeds(root: Path, count: int = 96) -> None:
    """root/<Breed>_<n>.jpg, the Oxford pets naming that accelerate's example reads labels from."""
    for index in range(count):
        _save(root / f"Breed{index % 4}_{index}.jpg", 256, 256)


def one_picture(path: Path, width: int = 256, height: int = 256) -> None:
    """A single JPEG file."""
    _save(path, width, height)


def masks(root: Path, count: int = 12, width: int = 960, height: int = 640) -> None:
    """root/imgs/<n>.jpg with root/masks/<n>_mask.gif of zeros and ones, the Carvana layout."""
    for index in range(count):
        _save(root / "imgs" / f"car_{index:02d}.jpg", width, height)
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : height // 2, width // 4 : width // 2] = 1
        path = root / "masks" / f"car_{index:02d}_mask.gif"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(mask, mode="P")
        picture.putpalette([0, 0, 0, 255, 255, 255] + [0] * 762)
        picture.save(path)


def celeba(root: Path, count: int = 2600) -> None:
    """root/images/*.jpg and root/list_attr_celeba.txt with the five attributes that StarGAN uses by default."""
    names = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"]
    lines = [str(count), " ".join(names)]
    for index in range(count):
        if index < 64 or index >= count - 64:
            _save(root / "images" / f"{index:06d}.jpg", 178, 218)
        lines.append(f"{index % 64:06d}.jpg " + " ".join(_random.choice(["1", "-1"], len(names))))
    (root / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")


def boxes(root: Path, count: int = 32) -> None:
    """root/images/{train,val}, root/labels/{train,val} with YOLO boxes, and root/data.yaml that names them."""
    for part, pictures in (("train", count), ("val", 8)):
        for index in range(pictures):
            _save(root / "images" / part / f"{index:04d}.jpg", 640, 480)
            label = root / "labels" / part / f"{index:04d}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("0 0.5 0.5 0.2 0.3\n1 0.25 0.25 0.1 0.1\n")
    names = "".join(f"  {i}: thing{i}\n" for i in range(80))
    text = f"path: {root.resolve()}\ntrain: images/train\nval: images/val\nnc: 80\nnames:\n{names}"
    (root / "data.yaml").write_text(text)


def captioned(root: Path, count: int = 16) -> None:
    """root/<n>.jpg with root/metadata.jsonl of {file_name, text}."""
    flat_folder(root, count)
    lines = (f'{{"file_name": "image_{i:04d}.jpg", "text": "a made up picture"}}\n' for i in range(count))
    (root / "metadata.jsonl").write_text("".join(lines))


def font(path: Path) -> None:
    """A TrueType font under the name a plotting script looks for: the one that comes with matplotlib."""
    from matplotlib import font_manager

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(Path(font_manager.findfont("DejaVu Sans")).read_bytes())
