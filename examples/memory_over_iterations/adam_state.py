"""Does memory grow? What an optimizer keeps: for Adam two moments per parameter, made in the first step, then no more.

    python adam_state.py                       Adam; seconds on a CPU
    python adam_state.py --optimizer sgd       the same loop without state
    python adam_state.py --device cuda --width 8192

With the default width, 12 million parameters: 46 MiB of weights, as much of gradients, twice as much of Adam's moments.
"""

import argparse

import torch

OPTIMIZERS = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}


def arguments() -> argparse.Namespace:
    """What can be chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam")
    parser.add_argument("--width", type=int, default=2000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=120)
    return parser.parse_args()


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of all tensors that the optimizer keeps."""
    kept = (entry for state in optimizer.state.values() for entry in state.values())
    return sum(entry.numel() * entry.element_size() for entry in kept if torch.is_tensor(entry))


def main() -> None:
    """Trains to a random target, and says what the optimizer holds before and after its first step."""
    options = arguments()
    torch.manual_seed(0)
    layers = [torch.nn.Linear(options.width, options.width, device=options.device) for _ in range(options.layers)]
    model = torch.nn.Sequential(*layers)
    optimizer = OPTIMIZERS[options.optimizer](model.parameters(), lr=0.001)
    print(f"before the first step: {options.optimizer} keeps {state_bytes(optimizer)} bytes")
    for iteration in range(1, options.iterations + 1):
        inputs = torch.randn(options.batch, options.width, device=options.device)
        targets = torch.randn(options.batch, options.width, device=options.device)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        if iteration in (1, 2, options.iterations):
            print(f"iteration {iteration}: loss {loss.item():.4f}, it keeps {state_bytes(optimizer)} bytes")


if __name__ == "__main__":
    main()
