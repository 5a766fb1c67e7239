"""Single calls on a device: what a convolution, a recurrent layer, an attention takes beside its results.

Every row tells the bytes that a call held at its peak and those it left, both over what was there before. Figures come
from ``torch.cuda.memory_stats``, so the same calls answer on a simulated device: truth and model side by side.

    python -m benchmarks.accuracy.device_probes [--groups convolution …] [--limit-seconds 60] [--output FILE]
    python -m benchmarks.accuracy.device_probes --on h100-80gb --output FILE      on memfit's simulated device
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Row = dict[str, Any]
Call = Callable[[], Any]


def held(key: str) -> int:
    return int(torch.cuda.memory_stats().get(f"requested_bytes.all.{key}", 0))


def cost(call: Call) -> tuple[Row, Any]:
    """The call's peak and what it left, in requested bytes; and its result."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = held("current")
    result = call()
    torch.cuda.synchronize()
    return {"peak": held("peak") - before, "kept": held("current") - before}, result


def size(*tensors: Any) -> int:
    return sum(item.numel() * item.element_size() for item in tensors if isinstance(item, Tensor))


# -- convolutions: name, input, output channels, kernel, stride, padding, groups

CONVOLUTIONS = (
    ("conv2d", (64, 64, 56, 56), 64, 3, 1, 1, 1), ("conv2d", (64, 3, 224, 224), 64, 7, 2, 3, 1),
    ("conv2d", (64, 64, 56, 56), 256, 1, 1, 0, 1), ("conv2d", (64, 256, 14, 14), 256, 3, 1, 1, 1),
    ("conv2d", (64, 512, 7, 7), 512, 3, 1, 1, 1), ("conv2d", (64, 128, 56, 56), 128, 3, 2, 1, 1),
    ("conv2d", (64, 1024, 14, 14), 256, 1, 1, 0, 1), ("conv2d", (32, 96, 56, 56), 96, 7, 1, 3, 96),
    ("conv2d", (32, 128, 32, 32), 128, 3, 1, 1, 32), ("conv2d", (8, 64, 256, 256), 64, 3, 1, 1, 1),
    ("conv2d", (4, 128, 512, 512), 3, 3, 1, 1, 1), ("conv2d", (16, 3, 512, 512), 32, 3, 2, 1, 1),
    ("conv2d", (224, 32, 64, 64), 32, 3, 1, 1, 1), ("conv2d", (224, 3, 64, 64), 32, 3, 1, 1, 1),
    ("conv2d", (64, 3, 224, 224), 768, 16, 16, 0, 1), ("conv2d", (8, 320, 64, 64), 640, 3, 1, 1, 1),
    ("conv2d", (32, 192, 28, 28), 192, 5, 1, 2, 1), ("conv2d", (128, 144, 28, 28), 144, 3, 1, 1, 144),
    ("conv1d", (16, 80, 3000), 768, 3, 1, 1, 1), ("conv1d", (8, 512, 16000), 512, 3, 2, 0, 1),
    ("conv1d", (8, 768, 499), 768, 128, 1, 64, 16),
    ("conv3d", (8, 32, 16, 56, 56), 64, 3, 1, 1, 1), ("conv3d", (8, 3, 16, 112, 112), 32, 3, 1, 1, 1),
    ("transposed", (32, 256, 32, 32), 128, 4, 2, 1, 1), ("transposed", (16, 64, 64, 64), 32, 2, 2, 0, 1),
)  # fmt: skip
_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def convolutions() -> Iterator[Row]:
    kinds = (("float32", False), ("bfloat16", False), ("bfloat16", True), ("float32", True), ("float16", True))
    for (dtype, last), shape in itertools.product(kinds, CONVOLUTIONS):
        name, image, outputs, kernel, stride, padding, groups = shape
        dimensions = len(image) - 2
        if last and dimensions == 1:
            continue
        x = torch.randn(image, device="cuda", dtype=DTYPES[dtype])
        inner = (outputs, image[1] // groups) if name != "transposed" else (image[1], outputs // groups)
        weight = torch.randn(*inner, *[kernel] * dimensions, device="cuda", dtype=DTYPES[dtype])
        if last:
            x, weight = (item.to(memory_format=_LAST[len(image)]) for item in (x, weight))
        each = [[value] * dimensions for value in (stride, padding, 1)]
        common = (*each, name == "transposed", [0] * dimensions, groups)
        row = {"group": "convolution", "call": name, "dtype": dtype, "channels_last": last, "shape": list(shape[1:])}
        found, y = cost(lambda x=x, w=weight, c=common: torch.ops.aten.convolution(x, w, None, *c))
        yield row | {"what": "forward", "x": size(x), "w": size(weight), "y": size(y)} | found
        gradient = torch.empty_like(y)
        for what, mask in (("backward input", [1, 0, 0]), ("backward weight", [0, 1, 0]), ("backward", [1, 1, 0])):
            found, _ = cost(
                lambda g=gradient, x=x, w=weight, c=common, m=mask: torch.ops.aten.convolution_backward(
                    g, x, w, None, *c, [bool(item) for item in m]
                )
            )
            yield row | {"what": what, "x": size(x), "w": size(weight), "y": size(y)} | found
        del y, gradient


# -- recurrent layers: kind, steps, batch, inputs, hidden, layers, both ways, dropout

RECURRENT = (
    ("LSTM", 64, 64, 128, 256, 1, False, 0.0), ("LSTM", 64, 64, 128, 256, 2, False, 0.0),
    ("LSTM", 64, 64, 128, 256, 3, False, 0.0), ("LSTM", 64, 64, 128, 256, 2, False, 0.2),
    ("LSTM", 64, 64, 128, 256, 1, True, 0.0), ("LSTM", 64, 64, 128, 256, 2, True, 0.0),
    ("LSTM", 128, 64, 128, 256, 1, False, 0.0), ("LSTM", 64, 128, 128, 256, 1, False, 0.0),
    ("LSTM", 64, 64, 256, 256, 1, False, 0.0), ("LSTM", 64, 64, 128, 512, 1, False, 0.0),
    ("LSTM", 36, 128, 384, 384, 2, False, 0.2), ("LSTM", 60, 256, 128, 192, 2, True, 0.0),
    ("GRU", 64, 64, 128, 256, 1, False, 0.0), ("GRU", 64, 64, 128, 256, 2, False, 0.0),
    ("GRU", 64, 64, 128, 256, 3, False, 0.1), ("GRU", 64, 64, 128, 256, 1, True, 0.0),
    ("GRU", 128, 64, 128, 256, 1, False, 0.0), ("GRU", 64, 128, 128, 256, 1, False, 0.0),
    ("GRU", 64, 64, 128, 512, 1, False, 0.0), ("RNN", 64, 64, 128, 256, 1, False, 0.0),
    ("RNN", 64, 64, 128, 256, 2, False, 0.0), ("RNN", 64, 64, 128, 512, 1, True, 0.0),
)  # fmt: skip


def recurrent() -> Iterator[Row]:
    for dtype, shape in itertools.product(("float32", "bfloat16"), RECURRENT):
        name, steps, batch, inputs, hidden, layers, both, dropout = shape
        kinds: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
        layer = kinds[name](inputs, hidden, layers, bidirectional=both, dropout=dropout).to("cuda", DTYPES[dtype])
        x = torch.randn(steps, batch, inputs, device="cuda", dtype=DTYPES[dtype], requires_grad=True)
        weights = sum(size(item) for item in layer.parameters())
        row = {"group": "recurrent", "call": name, "dtype": dtype, "shape": list(shape[1:]), "x": size(x), "w": weights}
        with torch.no_grad():
            found, _ = cost(lambda layer=layer, x=x: layer.eval()(x)[0])
        yield row | {"what": "inference"} | found
        found, y = cost(lambda layer=layer, x=x: layer.train()(x)[0])
        yield row | {"what": "forward", "y": size(y)} | found
        gradient = torch.empty_like(y)
        found, _ = cost(lambda y=y, g=gradient: y.backward(g))
        yield row | {"what": "backward", "y": size(gradient)} | found
        del y, layer, x


# -- attention: batch, heads, heads of keys, rows, columns, width

ATTENTION = (
    (8, 8, 8, 512, 512, 64), (8, 8, 8, 512, 512, 128), (8, 8, 8, 512, 512, 80), (8, 8, 8, 512, 512, 36),
    (4, 8, 8, 512, 512, 256), (8, 12, 12, 197, 197, 64), (8, 8, 2, 512, 512, 64), (16, 8, 8, 1, 512, 64),
    (8, 8, 8, 1024, 256, 64), (2, 16, 16, 2048, 2048, 96),
)  # fmt: skip


def attention() -> Iterator[Row]:
    for dtype, shape in itertools.product(DTYPES, ATTENTION):
        batch, heads, keys, rows, columns, width = shape
        query, key, value = (
            torch.randn(batch, n, length, width, device="cuda", dtype=DTYPES[dtype], requires_grad=True)
            for n, length in ((heads, rows), (keys, columns), (keys, columns))
        )
        masks = {
            "none": {}, "causal": {"is_causal": True}, "dropout": {"dropout_p": 0.1},
            "bool": {"attn_mask": torch.ones(batch, 1, rows, columns, device="cuda", dtype=torch.bool)},
            "additive": {"attn_mask": torch.zeros(1, 1, rows, columns, device="cuda", dtype=DTYPES[dtype])},
        }  # fmt: skip
        for mask, named in masks.items():
            if keys != heads:
                named["enable_gqa"] = True
            row = {"group": "attention", "call": mask, "dtype": dtype, "shape": list(shape), "q": size(query)}
            with contextlib.suppress(Exception):
                row["choice"] = int(torch._fused_sdp_choice(query, key, value, **named))
            attend = F.scaled_dot_product_attention
            found, y = cost(lambda q=query, k=key, v=value, n=named, f=attend: f(q, k, v, **n))
            yield row | {"what": "forward", "y": size(y)} | found
            gradient = torch.empty_like(y)
            found, _ = cost(lambda y=y, g=gradient: y.backward(g))
            yield row | {"what": "backward"} | found
            del y
            query.grad = key.grad = value.grad = None


# -- everything else


def operators() -> Iterator[Row]:
    def on(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(*shape, device="cuda", dtype=dtype, requires_grad=dtype.is_floating_point)

    wide, image, half = on(4096, 4096), on(32, 64, 64, 64), on(32, 64, 64, 64, dtype=torch.bfloat16)
    ids = torch.randint(0, 50000, (64, 512), device="cuda")
    table, rows = on(50000, 256), torch.randint(0, 4096, (65536,), device="cuda")
    values = on(65536, 256)
    labels = torch.randint(0, 4096, (4096,), device="cuda")
    norm, norm_half = nn.BatchNorm2d(64).cuda(), nn.BatchNorm2d(64).cuda()
    group, layer = nn.GroupNorm(8, 64).cuda(), nn.LayerNorm(4096).cuda()
    square = on(8, 512, 512)
    zeros, many, last = torch.zeros(4096, 256, device="cuda"), rows[:, None].expand(-1, 256), torch.channels_last
    calls: dict[str, Call] = {
        "sum all": lambda: wide.sum(), "sum rows": lambda: wide.sum(0), "mean": lambda: wide.mean(),
        "norm": lambda: wide.norm(), "softmax": lambda: wide.softmax(-1), "gelu": lambda: F.gelu(wide),
        "layer norm": lambda: layer(wide), "batch norm": lambda: norm(image),
        "batch norm bf16": lambda: norm_half(half), "batch norm last": lambda: norm(image.to(memory_format=last)),
        "group norm": lambda: group(image), "cross entropy": lambda: F.cross_entropy(wide, labels),
        "embedding": lambda: F.embedding(ids, table), "index rows": lambda: wide[rows],
        "index add": lambda: zeros.index_add(0, rows, values),
        "scatter add": lambda: zeros.scatter_add(0, many, values),
        "gather": lambda: values.gather(0, many),
        "cumsum": lambda: wide.cumsum(0), "topk": lambda: wide.topk(50)[0], "sort": lambda: wide.sort()[0],
        "argsort ids": lambda: ids.argsort(), "unique": lambda: ids.unique(),
        "nonzero": lambda: (ids > 25000).nonzero(),
        "masked select": lambda: wide[wide > 0], "multinomial": lambda: torch.multinomial(wide.softmax(-1), 4),
        "max pool": lambda: F.max_pool2d(image, 2), "average pool": lambda: F.adaptive_avg_pool2d(image, 1),
        "interpolate": lambda: F.interpolate(image, scale_factor=2, mode="bilinear"),
        "dropout": lambda: F.dropout(wide),
        "grid sample": lambda: F.grid_sample(image, torch.zeros(32, 64, 64, 2, device="cuda"), align_corners=False),
        "einsum": lambda: torch.einsum("bij,bkj->bik", square, square), "matmul": lambda: wide @ wide,
        "batched matmul": lambda: square @ square, "cholesky": lambda: torch.linalg.cholesky(square @ square.mT + 512),
        "inverse": lambda: torch.linalg.inv(square), "svd": lambda: torch.linalg.svdvals(square[0]),
        "fft": lambda: torch.fft.rfft2(image).abs(), "ctc": lambda: F.ctc_loss(
            torch.randn(256, 32, 64, device="cuda", requires_grad=True).log_softmax(-1),
            torch.randint(1, 64, (32, 40), device="cuda"), torch.full((32,), 256), torch.full((32,), 40)),
        "clip": lambda: nn.utils.clip_grad_norm_([table], 1.0), "cat": lambda: torch.cat([wide, wide]),
        "linear bias": lambda: F.linear(wide, wide, wide[0]), "logsumexp": lambda: wide.logsumexp(-1),
        "embedding bag": lambda: F.embedding_bag(ids, table),
        "pdist": lambda: torch.cdist(wide[:1024], wide[1024:2048]),
        "cross entropy bf16": lambda: F.cross_entropy(wide.bfloat16(), labels),
        "mse": lambda: F.mse_loss(wide, torch.zeros_like(wide)), "huber": lambda: F.huber_loss(wide, wide.detach()),
        "bce": lambda: F.binary_cross_entropy_with_logits(wide, torch.ones_like(wide)),
    }  # fmt: skip
    table.grad = torch.zeros_like(table)
    for name, call in calls.items():
        row = {"group": "operator", "call": name}
        try:
            found, y = cost(call)
            yield row | {"what": "forward", "y": size(y)} | found
            if isinstance(y, Tensor) and y.requires_grad:
                gradient = torch.ones_like(y)
                found, _ = cost(lambda y=y, g=gradient: y.backward(g))
                yield row | {"what": "backward"} | found
        except Exception as error:
            yield row | {"failure": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        y = None
        for item in (wide, image, half, table, values, square, *norm.parameters(), *layer.parameters()):
            item.grad = None


GROUPS = {"convolution": convolutions, "recurrent": recurrent, "attention": attention, "operator": operators}


def probe(groups: list[str], limit_seconds: float) -> list[Row]:
    """Every row of the groups, or as many as the time allows; a group that fails says so and ends."""
    begun, rows = time.monotonic(), []
    torch.ones(8, 8, device="cuda") @ torch.ones(8, 8, device="cuda")  # the libraries' own workspaces come first
    warm = torch.ones(8, 8, device="cuda", requires_grad=True)
    (warm @ warm).sum().backward()
    for name in groups:
        calls = GROUPS[name]()
        while time.monotonic() - begun < limit_seconds:
            try:
                rows.append(next(calls))
            except StopIteration:
                break
            except Exception as error:
                rows.append({"group": name, "failure": f"{type(error).__name__}: {error}".splitlines()[0][:200]})
                break
        del calls
        gc.collect()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="*", default=list(GROUPS), choices=list(GROUPS))
    parser.add_argument("--limit-seconds", type=float, default=60.0)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--on", help="a device of memfit's catalogue to simulate")
    options = parser.parse_args()
    if options.on:
        import memfit

        with memfit.simulate(options.on):
            rows = probe(options.groups, options.limit_seconds)
    else:
        rows = probe(options.groups, options.limit_seconds)
    text = ",\n".join(json.dumps(row) for row in rows)
    (print if options.output is None else options.output.write_text)(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
