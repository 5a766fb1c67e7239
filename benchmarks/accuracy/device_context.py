"""What a process holds on the device and on the host as its libraries wake up, one after the other.

Prints one JSON line: stages in order, each with what the driver shows beside the allocator and what the process holds.

    python -m benchmarks.accuracy.device_context
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.accuracy.device_child import Driver, host


def stages(torch: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and call of each stage; what it makes on the device is dropped again."""
    import torch.nn.functional as F
    from torch import nn

    def random(*shape: int, dtype: Any = None) -> Any:
        return torch.randn(*shape, device="cuda", dtype=dtype or torch.float32, requires_grad=True)

    half = torch.bfloat16
    yield "context", lambda: torch.empty(1, device="cuda")
    yield "fill", lambda: torch.zeros(1024, device="cuda")
    yield "pointwise", lambda: torch.ones(1024, device="cuda") * 2 + 1
    yield "random numbers", lambda: random(1024)
    yield "to and fro", lambda: torch.ones(1024).to("cuda").cpu()
    yield "pinned copy", lambda: torch.ones(1024).pin_memory().to("cuda", non_blocking=True)
    yield "matmul fp32", lambda: random(512, 512) @ random(512, 512)
    yield "linear fp32", lambda: F.linear(random(512, 512), random(512, 512), random(512))
    yield "linear bf16", lambda: F.linear(random(512, 512, dtype=half), random(512, 512, dtype=half))
    yield "large linear bf16", lambda: F.linear(random(8192, 4096, dtype=half), random(4096, 4096, dtype=half))
    yield "backward", lambda: F.linear(random(512, 512), random(512, 512), random(512)).sum().backward()
    yield "layer norm, gelu", lambda: F.gelu(F.layer_norm(random(512, 512), (512,))).sum().backward()
    yield "cross entropy", lambda: F.cross_entropy(random(64, 100), torch.arange(64, device="cuda")).backward()
    yield "embedding", lambda: F.embedding(torch.arange(64, device="cuda"), random(100, 64)).sum().backward()
    yield "convolution fp32", lambda: F.conv2d(random(16, 64, 56, 56), random(64, 64, 3, 3), padding=1).sum().backward()
    yield (
        "convolution bf16",
        lambda: (
            F.conv2d(random(16, 64, 56, 56, dtype=half), random(64, 64, 3, 3, dtype=half), padding=1).sum().backward()
        ),
    )
    yield "batch norm", lambda: nn.BatchNorm2d(64).cuda()(random(16, 64, 56, 56)).sum().backward()
    yield "attention fp32", lambda: F.scaled_dot_product_attention(*[random(2, 8, 128, 64)] * 3).sum().backward()
    yield (
        "attention bf16",
        lambda: (
            F.scaled_dot_product_attention(*[random(2, 8, 128, 64, dtype=half)] * 3, is_causal=True).sum().backward()
        ),
    )
    yield "lstm", lambda: nn.LSTM(64, 64).cuda()(random(8, 8, 64))[0].sum().backward()
    yield "optimizer foreach", lambda: step(torch, {"foreach": True})
    yield "optimizer fused", lambda: step(torch, {"fused": True})
    yield "sort, topk", lambda: (random(64, 64).sort()[0], random(64, 64).topk(3))
    yield "fft", lambda: torch.fft.rfft(random(64, 64)).abs().sum().backward()
    yield "linear algebra", lambda: torch.linalg.inv(random(64, 64)).sum().backward()
    yield "sparse", lambda: torch.sparse.mm(torch.eye(64, device="cuda").to_sparse(), random(64, 64).detach())


def step(torch: Any, named: dict[str, bool]) -> None:
    """One step of an optimizer over two small tensors."""
    parameters = [torch.ones(64, 64, device="cuda", requires_grad=True) for _ in range(2)]
    optimizer = torch.optim.AdamW(parameters, **named)
    sum(item.sum() for item in parameters).backward()
    optimizer.step()


def main() -> None:
    import torch

    driver = Driver(0)
    before, found = driver.read(), [["imports", 0, 0, host()]]
    torch.cuda.init()
    for name, call in stages(torch):
        try:
            call()
            torch.cuda.synchronize()
        except Exception as error:
            found.append([name, None, None, {"failure": f"{type(error).__name__}: {error}"[:200]}])
            continue
        driver.ask_the_runtime(torch)
        torch.cuda.empty_cache()
        reserved = torch.cuda.memory_reserved()
        found.append([name, driver.read() - before - reserved, driver.read_process() - reserved, host()])
    print("\n" + json.dumps({"before_bytes": before, "source": driver.source, "stages": found}), flush=True)


if __name__ == "__main__":
    main()
