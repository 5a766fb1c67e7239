"""Does memory grow? What is logged in every iteration: numbers, or losses that hold on to what they were made from.

python logged_metrics.py                   losses as floats: some hundred bytes an iteration
python logged_metrics.py --kind loss       the training loss itself: backward() has freed its activations, its graph
                                           stays
python logged_metrics.py --kind graph      a validation loss that was made with a graph, which keeps all
                                           activations: a leak
python logged_metrics.py --kind graph --device cuda --batch 4096
"""

import argparse

import torch


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--kind", choices=["floats", "loss", "graph"], default="floats")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=400)
    return parser.parse_args()


def make_batch(options: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Random inputs and labels."""
    inputs = torch.randn(options.batch, options.width, device=options.device)
    return inputs, torch.randint(10, (options.batch,), device=options.device)


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
    values = [row["validation"] for row in floats] or [value.item() for value in tensors]
    print(f"{len(values)} values kept, their mean is {sum(values) / len(values):.4f}")


if __name__ == "__main__":
    main()
