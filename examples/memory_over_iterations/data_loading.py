"""Does memory grow? How the data comes in: all in memory, mapped from a file, or through DataLoader workers.

    python data_loading.py --kind memory            the whole file is read before the first iteration
    python data_loading.py --kind mapped            its pages come as they are touched, and can be taken back
    python data_loading.py --kind mapped-anew       a map for each batch: no page stays
    python data_loading.py --kind list-workers      two workers share a Python list until they count references in it
    python data_loading.py --kind array-workers     the same data in one array: nothing is written, all stays shared

The workers are forked. Looking at an object of a list writes its reference count, and the page that it lies on is
copied: the copies add up to one list for each worker, and then no more. The file is made up, and removed at the end.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

FEATURES = 256
KINDS = ["memory", "mapped", "mapped-anew", "list-workers", "array-workers"]


class Samples(Dataset):  # type: ignore[misc]
    """Numbers, one a sample."""

    def __init__(self, numbers: Sequence[int] | NDArray[np.int64]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> float:
        return float(self.numbers[index] % 1000)


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--kind", choices=KINDS, default="memory")
    parser.add_argument("--rows", type=int, default=200_000, help="of the file, 1 KiB each; without workers")
    parser.add_argument("--samples", type=int, default=1_200_000, help="of the list or array; with workers")
    parser.add_argument("--epochs", type=int, default=2)
    return parser.parse_args()


def write(file: Path, rows: int) -> None:
    """A file of random numbers, written in parts: the program never holds it all."""
    random = np.random.default_rng(0)
    with file.open("wb") as stream:
        for start in range(0, rows, 8192):
            random.standard_normal((min(8192, rows - start), FEATURES), dtype=np.float32).tofile(stream)


def opened(kind: str, file: Path) -> NDArray[np.float32]:
    """The file as an array of its rows: read, or mapped."""
    flat = np.fromfile(file, np.float32) if kind == "memory" else np.memmap(file, np.float32, mode="r")
    return flat.reshape(-1, FEATURES)


def from_a_file(kind: str, file: Path, epochs: int, batch: int = 512) -> Iterator[torch.Tensor]:
    """Batches, in the order of the file."""
    data = opened(kind, file)
    for _ in range(epochs):
        for start in range(0, len(data), batch):
            if kind == "mapped-anew":
                data = opened(kind, file)
            yield torch.from_numpy(np.array(data[start : start + batch]))


def from_workers(kind: str, samples: int, epochs: int) -> Iterator[torch.Tensor]:
    """Batches that two forked workers make."""
    numbers: Any = range(1000, 1000 + samples)  # beyond the small integers that Python keeps only once
    data = Samples(list(numbers) if kind == "list-workers" else np.arange(1000, 1000 + samples))
    loader = DataLoader(data, batch_size=5000, num_workers=2, persistent_workers=True, multiprocessing_context="fork")
    for _ in range(epochs):
        for batch in loader:
            yield batch.float().unsqueeze(1)


def train(batches: Iterator[torch.Tensor], device: str) -> None:
    """A small model, so that the data is what memory goes to."""
    model = torch.nn.LazyLinear(1, device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    for iteration, batch in enumerate(batches, 1):
        inputs = batch.to(device)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), inputs[:, :1])
        loss.backward()
        optimizer.step()
        if iteration % 100 == 0:
            print(f"iteration {iteration}: loss {loss.item():.4f}")


def main() -> None:
    """Makes the data as the kind says, and trains on it."""
    options = arguments()
    torch.manual_seed(0)
    if options.kind.endswith("workers"):
        train(from_workers(options.kind, options.samples, options.epochs), options.device)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.bin"
        write(file, options.rows)
        train(from_a_file(options.kind, file, options.epochs), options.device)


if __name__ == "__main__":
    main()
