"""Does memory grow? Checkpoints every so many steps: to a file, through a copy in memory, or kept in a list.

    python checkpoints.py                      torch.save to a file, tensor by tensor: next to nothing
    python checkpoints.py --kind buffer        serialised in memory first, as for an upload: comes and goes
    python checkpoints.py --kind history       copies of the weights kept "to go back to the best one": a leak
    python checkpoints.py --device cuda --width 8192

Files go to a folder that is removed at the end, the last one only is kept until then.
"""

import argparse
import copy
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Save = Callable[[dict[str, Any], int], None]


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--kind", choices=["file", "buffer", "history"], default="file")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="iterations between checkpoints")
    return parser.parse_args()


def saver(kind: str, folder: Path) -> Save:
    """How a checkpoint is kept."""
    history: list[dict[str, Any]] = []

    def to_file(state: dict[str, Any], iteration: int) -> None:
        torch.save(state, folder / "checkpoint.pt")

    def through_a_buffer(state: dict[str, Any], iteration: int) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        (folder / "checkpoint.pt").write_bytes(buffer.getvalue())

    def to_a_list(state: dict[str, Any], iteration: int) -> None:
        history.append(copy.deepcopy(state["model"]))

    return {"file": to_file, "buffer": through_a_buffer, "history": to_a_list}[kind]


def train(options: argparse.Namespace, save: Save) -> None:
    """The loop: model and Adam's state are saved every ``options.every`` iterations."""
    layers = [torch.nn.Linear(options.width, options.width, device=options.device) for _ in range(options.layers)]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for iteration in range(1, options.iterations + 1):
        inputs = torch.randn(options.batch, options.width, device=options.device)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), inputs)
        loss.backward()
        optimizer.step()
        if iteration % options.every == 0:
            save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, iteration)
            print(f"iteration {iteration}: loss {loss.item():.4f}, checkpoint")


def main() -> None:
    """Trains, with checkpoints in a folder of their own."""
    options = arguments()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        train(options, saver(options.kind, Path(folder)))


if __name__ == "__main__":
    main()
