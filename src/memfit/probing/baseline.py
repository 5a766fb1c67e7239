"""What a process holds after importing a framework, and what its first small step adds, measured in fresh processes.

Each takes a second or two. The high-water mark is read by the process itself: a parent's reading of its child would
begin at the parent's own size.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from memfit.errors import MemfitError

# Package as metadata names it -> the module to import.
FRAMEWORKS = {
    "torch": "torch",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "jax": "jax",
    "scikit-learn": "sklearn.ensemble",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
}
# A step of each kind of kernel that most jobs use, on tensors of some KiB. torch._dynamo is imported first: an
# optimizer does, and a simulation has it in what it measures itself.
_TORCH_STEP = """
import torch._dynamo
before = peak()
F = torch.nn.functional
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten(),
                          torch.nn.Linear(8 * 14 * 14, 64), torch.nn.LayerNorm(64), torch.nn.Linear(64, 8))
optimizer = torch.optim.AdamW(net.parameters())
for _ in range(3):
    query = torch.randn(1, 4, 64, 16, requires_grad=True)
    loss = F.cross_entropy(net(torch.randn(4, 3, 16, 16)), torch.randint(0, 8, (4,)))
    (loss + F.scaled_dot_product_attention(query, query, query).sum()).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
_FIRST_STEPS = {"torch": _TORCH_STEP}
_CHILD = """
import json, sys
def peak():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
import {module}
imported = before = peak()
{step}
from importlib.metadata import version
print(json.dumps(["memfit", version({package!r}), imported, peak() - before]))
"""
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One fresh process.

    Args:
        package: that was imported.
        version: of it.
        import_bytes: the process's peak after the import, the interpreter included.
        first_step_bytes: what a first small step added; None where none is known for the package.
    """

    package: str
    version: str
    import_bytes: int
    first_step_bytes: int | None


def measure(package: str, *, python: str = sys.executable) -> Baseline:
    """Import a package in a fresh process and read its peak.

    Args:
        package: a name of FRAMEWORKS.
        python: the interpreter that has it.

    Raises:
        MemfitError: it cannot be imported there, or took longer than two minutes.
    """
    step = _FIRST_STEPS.get(package, "")
    script = _CHILD.format(module=FRAMEWORKS[package], step=step, package=package)
    try:
        told = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines() or [""]
        raise MemfitError(
            f"{package} could not be measured with {python}: {said[-1][:300]}",
            hint="name the interpreter that has it with --python",
            slug="baseline-failed",
        ) from error
    line = next(line for line in reversed(told.stdout.splitlines()) if line.startswith('["memfit"'))
    _, version, imported, added = json.loads(line)
    return Baseline(
        package=package,
        version=str(version),
        import_bytes=int(imported),
        first_step_bytes=int(added) if step else None,
    )
