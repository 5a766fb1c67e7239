"""Layers that hold quantised weights as their checkpoint stores them, where the method's library does not run.

Bytes are exact where the weights' headers are at hand, by the method's rules where they are not. What a product takes
beside them is taken to be: in 8 bits, the inputs rounded to them (and sums of 32 bits for whole numbers); below, the
whole matrix in the compute type, which a kernel that unpacks as it goes does without. Values are not: all are zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from memfit.errors import UsageError
from memfit.recipes import headers, notes
from memfit.recipes.layouts import EXPERTS_ALONE, RULES, Layout, is_left_out
from memfit.recipes.quantised import Product

_WHOLE = ("bfloat16", "float16", "float32", "float64")
_CLOSE = 0.01  # by which elements may differ: tensors that are loaded and not counted, or the other way round


class Packed(nn.Linear):  # type: ignore[misc]
    """A linear layer with other tensors in its weight's place.

    Args:
        whole: the layer that it stands for.
        layout: what stands there.
    """

    def __init__(self, whole: nn.Linear, layout: Layout) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = whole.in_features, whole.out_features
        self.compute_dtype = whole.weight.dtype
        _hold(self, layout, whole.weight.device)
        self.bias = whole.bias
        kind = layout.get("weight", ("", ()))[0]
        self.rounded = getattr(torch, kind) if kind == "int8" or kind.startswith("float8") else None

    def __getattr__(self, name: str) -> Any:
        """Adapters look where their base layer's weight is."""
        if name == "weight":
            return next(iter(self._parameters.values()))
        return super().__getattr__(name)

    def dequantised(self, dtype: torch.dtype) -> torch.Tensor:
        """A new matrix of (out, in) in the compute type."""
        held = next(self.parameters())
        return torch.zeros(self.out_features, self.in_features, dtype=dtype, device=held.device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As a linear layer's: (…, in) → (…, out)."""
        if self.rounded is None or (torch.is_grad_enabled() and x.requires_grad):
            whole: torch.Tensor = Product.apply(x.to(self.compute_dtype), self)
            return whole.to(x.dtype)
        rounded, shape = torch.empty_like(x, dtype=self.rounded), (*x.shape[:-1], self.out_features)
        sums = x.new_empty(shape, dtype=torch.int32) if self.rounded is torch.int8 else None
        result = x.new_zeros(shape)
        del rounded, sums
        return result


def as_stored(model: Any, wishes: Any) -> Any:
    """The model with quantised layers where its configuration says so, and a word when its weights contradict it.

    Args:
        model: on "meta", as built from its configuration.
        wishes: of the recipe.

    Raises:
        UsageError: such weights cannot be trained in that way.
    """
    weights = headers.of_folder(Path(wishes.configuration))
    told: Any = getattr(model.config, "quantization_config", None)
    told = told.to_dict() if hasattr(told, "to_dict") else told
    if not told:
        _compare(weights, sum(each.numel() for each in model.parameters()), model)
        return model
    method = str(told.get("quant_method", "unknown"))
    if wishes.train in ("full", "qlora"):
        raise UsageError(
            f"its weights are quantised already ({method}): --train {wishes.train} starts from whole ones",
            hint="--train lora trains adapters on them; or name the model that they were made from",
            slug="quantised-weights",
        )
    count = _by_headers(model, weights) if weights is not None else _by_rules(model, method, told)
    if not count:
        notes.note(
            "quantisation-not-known",
            f"its configuration says that weights are quantised ({method}), and neither headers nor a rule say how: "
            "they are counted whole",
        )
        return model
    source = f"as {weights.found} has them" if weights is not None else f"by the rules of {method}"
    size = sum(each.numel() * each.element_size() for each in model.parameters())
    text = f"{count} layers hold quantised weights ({method}) {source}: all weights take {size:,} bytes"
    if weights is not None and abs(size - weights.bytes) > _CLOSE * weights.bytes:
        text += f", where the files hold {weights.bytes:,}: parts of one are not in the other"
    if any(isinstance(each, Packed) and each.rounded is None for each in model.modules()):
        text += "; below 8 bits, every product is taken to make its matrix whole for a moment"
    notes.note("weights-packed", text)
    return model


def _compare(weights: headers.Weights | None, built: int, model: Any) -> None:
    """Say so when a checkpoint is not that of the model which its configuration describes."""
    if weights is None:
        return
    buffers = {name for name, _ in model.named_buffers()}
    inside = tuple("." + name for name in buffers)
    stored = sum(
        tensor.elements
        for name, tensor in weights.tensors.items()
        if tensor.dtype in _WHOLE and name not in buffers and not f".{name}".endswith(inside)
    )
    twice = sum(each.numel() for _, each in model.named_parameters(remove_duplicate=False))
    if any(abs(stored - count) <= _CLOSE * count for count in (built, twice)):
        return
    notes.note(
        "weights-contradict",
        f"the model that config.json describes has {built:,} parameters, the headers of its weights have {stored:,}: "
        f"they are of another model, or {'only a part of it' if stored < built else 'a part is not built here'}; "
        "the figures are the built model's",
    )


def _by_headers(model: Any, weights: headers.Weights) -> int:
    """Give every layer whose weights are stored packed just those tensors; the number of layers."""
    places = {path: place for path, place in model.named_modules() if _weights_of(place)}
    names = {name: path for path in places for name in _names(path, str(model.base_model_prefix))}
    stored: dict[str, dict[str, Any]] = {}
    for name, tensor in weights.tensors.items():
        for end in (at for at, letter in enumerate(name) if letter == "."):
            if (path := names.get(name[:end])) is not None:
                stored.setdefault(path, {})[name[end + 1 :]] = tensor
    count = 0
    for path, tensors in stored.items():
        own = {name: tuple(weight.shape) for name, weight in places[path].named_parameters(recurse=False)}
        packed: Layout = {
            name: (tensor.dtype, tensor.shape)
            for name, tensor in tensors.items()
            if tensor.dtype not in _WHOLE or own.get(name) != tensor.shape
        }
        if any(kind not in _WHOLE for kind, _ in packed.values()):
            sizes = {name: tensors[name].bytes for name in packed}
            _replace(model, path, packed, sizes)
            count += 1
    return count


def _by_rules(model: Any, method: str, told: Mapping[str, Any]) -> int:
    rule = RULES.get(method)
    count = 0
    for path, place in list(model.named_modules()) if rule is not None else ():
        shapes = _weights_of(place)
        if not shapes or is_left_out(path, told) or (method in EXPERTS_ALONE and isinstance(place, nn.Linear)):
            continue
        compute = str(next(iter(place.parameters())).dtype).removeprefix("torch.")
        packed: Layout = {}
        for name, (*experts, outputs, inputs) in shapes.items():
            before = name + "." if experts else ""
            for leaf, (kind, shape) in rule(outputs, inputs, told, compute).items():  # type: ignore[misc]
                packed[before + leaf] = (kind, (*experts, *shape))
        _replace(model, path, packed, {})
        count += 1
    return count


def _weights_of(place: nn.Module) -> dict[str, tuple[int, ...]]:
    """The matrices that a method would quantise here: a linear layer's one, or those of a layer's experts."""
    if type(place) is nn.Linear:
        return {"weight": tuple(place.weight.shape)}
    return {name: tuple(each.shape) for name, each in place.named_parameters(recurse=False) if each.dim() == 3}


def _names(path: str, base: str) -> Iterator[str]:
    """What a checkpoint may call a place: with the model's prefix or without, alone or as the language part of more."""
    yield path
    yield path.removeprefix(f"{base}.")
    yield f"{base}.{path}"
    yield path.replace(f"{base}.", f"{base}.language_model.", 1)
    yield f"language_model.{path}"


def _replace(model: Any, path: str, layout: Layout, sizes: Mapping[str, int]) -> None:
    place = model.get_submodule(path)
    if isinstance(place, nn.Linear):
        above, _, name = path.rpartition(".")
        setattr(model.get_submodule(above), name, Packed(place, layout))
        return
    whole = {name: place._parameters.pop(name) for name in _weights_of(place)}
    some = next(iter(whole.values()))
    total = sum(sizes.values()) if sizes else sum(_bytes(kind, shape) for kind, shape in layout.values())
    _hold(place, {"packed": ("uint8", (total,))}, some.device)
    own: dict[str, Any] = {name: _one_for_all(tuple(each.shape), each.dtype) for name, each in whole.items()}
    place.__class__ = type(type(place).__name__, (type(place),), own)


def _one_for_all(shape: tuple[int, ...], dtype: torch.dtype) -> property:
    """Experts as their layer sees them, with the memory of one: kernels unpack them one after another."""

    def made(self: Any) -> torch.Tensor:
        return torch.zeros(1, *shape[1:], dtype=dtype, device=self.packed.device).expand(shape)

    return property(made)


def _hold(place: nn.Module, layout: Layout, device: torch.device) -> None:
    for name, (kind, shape) in layout.items():
        dtype = getattr(torch, kind, None)
        if dtype is None or kind.startswith("float4"):  # of a type that torch has no tensors of: as bytes
            dtype, shape = torch.uint8, (_bytes(kind, shape),)
        held = nn.Parameter(torch.empty(shape, dtype=dtype, device=device), requires_grad=False)
        place._parameters[name.replace(".", "_")] = held


def _bytes(kind: str, shape: tuple[int, ...]) -> int:
    return -(-math.prod(shape) * dict(headers.TYPES.values()).get(kind, 8) // 8)
