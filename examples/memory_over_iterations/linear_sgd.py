"""Does memory grow? A linear model trained with SGD: nothing lives longer than its iteration.

    python linear_sgd.py                                                     seconds on a CPU
    python linear_sgd.py --inputs 10 --outputs 1 --batch 32 --iterations 1000
    python linear_sgd.py --device cuda --inputs 8192 --outputs 8192 --batch 8192

The weights and, from the first backward pass on, their gradients stay. The batch, the output and what the backward pass
needs of them are freed in every iteration, and the next one takes their place.
"""

import argparse

import torch


def arguments() -> argparse.Namespace:
    """What can be chosen; the defaults are large enough to be seen in resident memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--inputs", type=int, default=1024)
    parser.add_argument("--outputs", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--iterations", type=int, default=200)
    return parser.parse_args()


def main() -> None:
    """Trains to a random target, and says now and then what torch.cuda knows of it."""
    options = arguments()
    torch.manual_seed(0)
    model = torch.nn.Linear(options.inputs, options.outputs, device=options.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = torch.nn.MSELoss()
    for iteration in range(1, options.iterations + 1):
        inputs = torch.randn(options.batch, options.inputs, device=options.device)
        targets = torch.randn(options.batch, options.outputs, device=options.device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        if iteration == 1 or iteration % (options.iterations // 5 or 1) == 0:
            # On a CPU this is 0 however much the job holds: it counts what PyTorch allocated on CUDA devices alone.
            print(f"iteration {iteration}: loss {loss.item():.4f}, on CUDA {torch.cuda.memory_allocated()} bytes")


if __name__ == "__main__":
    main()
