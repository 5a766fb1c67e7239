"""Does memory grow? What is logged in every iteration: numbers, or losses that hold on to what they were made from.

    python logged_metrics.py                   losses as floats: some hundred bytes an iteration
    python logged_metrics.py --kind loss       the training loss: its activations are freed by backward(), its graph
                                               stays, and keeps freed memory from going back
    python logged_metrics.py --kind graph      a validation loss that was made with a graph, which keeps all
                                               activations: a leak
    python logged_metrics.py --kind graph --device cuda --batch 4096

With --trim the C library is asked at the end to give back what is free between the pieces that are kept.
"""

import argparse
import ctypes
from pathlib import Path

import torch


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--kind", choices=["floats", "loss", "graph"], default="floats")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--trim", action="store_true", help="say what malloc_trim(0) gives back at the end (glibc)")
    return parser.parse_args()


def make_batch(options: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Random inputs and labels."""
    inputs = torch.randn(options.batch, options.width, device=options.device)
    return inputs, torch.randint(10, (options.batch,), device=options.device)


def resident_bytes() -> int:
    """The process's resident size, as Linux tells it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    """Trains a small network, logs two losses in every iteration, and prints the mean of what it kept."""
    options = arguments()
    torch.manual_seed(0)
    hidden, scores = torch.nn.Linear(options.width, options.width), torch.nn.Linear(options.width, 10)
    model = torch.nn.Sequential(hidden, torch.nn.ReLU(), scores).to(options.device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    floats: list[dict[str, float]] = []
    tensors: list[torch.Tensor] = []
    for iteration in range(1, options.iterations + 1):
        inputs, labels = make_batch(options)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        inputs, labels = make_batch(options)
        validation = criterion(model(inputs), labels)  # no torch.no_grad() here: a graph is made
        if options.kind == "floats":
            floats.append({"iteration": iteration, "loss": loss.item(), "validation": validation.item()})
        else:
            tensors.append(loss if options.kind == "loss" else validation)
    if options.trim:
        held = resident_bytes()
        ctypes.CDLL(None).malloc_trim(0)
        print(f"resident {held} bytes, after malloc_trim {resident_bytes()} bytes")
    values = [row["validation"] for row in floats] or [value.item() for value in tensors]
    print(f"{len(values)} values kept, their mean is {sum(values) / len(values):.4f}")


if __name__ == "__main__":
    main()
