"""PyTorch against the contract of all frameworks."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from memfit import simulate  # noqa: E402
from memfit.engine.trace import Trace  # noqa: E402
from tests.contract.suite import FrameworkContract  # noqa: E402

pytestmark = pytest.mark.torch


class TestTorch(FrameworkContract):
    """The simulated CUDA device."""

    name = "torch"

    def simulate(self, job: Callable[[], Any]) -> Trace:
        with simulate("a100-40gb") as sim:
            job()
            gc.collect()
        return sim.trace

    def train(self, batch: int) -> Callable[[], Any]:
        def job() -> None:
            model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 8)).cuda()
            optimizer = torch.optim.Adam(model.parameters())
            for _ in range(2):
                model(torch.randn(batch, 64, device="cuda")).square().mean().backward()
                optimizer.step()
                optimizer.zero_grad()

        return job

    def sharing(self) -> tuple[Callable[[], Any], Callable[[], Any], int]:
        def tied() -> None:
            first = torch.nn.Linear(64, 64, device="cuda")
            out = torch.nn.functional.linear(first(torch.randn(4, 64, device="cuda")), first.weight, first.bias)
            out.sum().backward()

        def untied() -> None:
            first = torch.nn.Linear(64, 64, device="cuda")
            second = torch.nn.Parameter(torch.empty(64, 64, device="cuda"))
            torch.nn.functional.linear(first(torch.randn(4, 64, device="cuda")), second, first.bias).sum().backward()

        return tied, untied, 64 * 64 * 4

    def own_object(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        model = torch.nn.Linear(16, 4)

        def state() -> Any:
            return [(p.device.type, p.requires_grad, p.grad is None, p.detach().tolist()) for p in model.parameters()]

        return lambda: model(torch.randn(2, 16)).sum(), state
