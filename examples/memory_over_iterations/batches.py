"""Does memory grow? The batch size sets the level, gradient accumulation lowers it, neither makes it climb.

    python batches.py --batch 1024                  1024 samples at once
    python batches.py --batch 256 --accumulate 4    the same 1024 samples for each step, a quarter of them at once
    python batches.py --device cuda --batch 65536

Accumulated gradients need no memory of their own: backward() adds to the gradients that are there anyway.
"""

import argparse

import torch


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=1024, help="samples in one forward pass")
    parser.add_argument("--accumulate", type=int, default=1, help="forward passes for each optimizer step")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--iterations", type=int, default=60)
    return parser.parse_args()


def main() -> None:
    """Trains a deep, narrow network: small weights, large activations."""
    options = arguments()
    torch.manual_seed(0)
    blocks = [
        torch.nn.Sequential(torch.nn.Linear(options.width, options.width), torch.nn.GELU())
        for _ in range(options.layers)
    ]
    model = torch.nn.Sequential(*blocks).to(options.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for iteration in range(1, options.iterations + 1):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(options.accumulate):
            inputs = torch.randn(options.batch, options.width, device=options.device)
            loss = torch.nn.functional.mse_loss(model(inputs), inputs) / options.accumulate
            loss.backward()
            total += loss.item()
        optimizer.step()
        if iteration == 1 or iteration % (options.iterations // 5 or 1) == 0:
            print(f"iteration {iteration}: loss {total:.4f}")


if __name__ == "__main__":
    main()
