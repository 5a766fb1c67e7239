"""How methods of quantisation lay the weights of one linear layer out, by the quantization_config of a configuration.

For configurations whose weights' headers are not at hand: `headers` is exact, these are the rules that libraries pack
by. Each returns the tensors that stand in the weight's place: name → (torch's name of a type, shape). Sources: layers
of AutoGPTQ 0.7 and GPTQModel (QuantLinear.__init__), AutoAWQ 0.2 (WQLinear_GEMM), transformers 5
(integrations/finegrained_fp8.py, FP8Linear; integrations/mxfp4.py), compressed-tensors 0.12 (compressors),
bitsandbytes 0.50 (functional.quantize_4bit, Int8Params).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Layout = dict[str, tuple[str, tuple[int, ...]]]
_Rule = Callable[[int, int, Mapping[str, Any], str], Layout]


def _up(count: int, by: int) -> int:
    return -(-count // by)


def _groups(inputs: int, size: Any) -> int:
    return _up(inputs, size) if isinstance(size, int) and size > 0 else 1


def _gptq(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    bits, groups = int(told.get("bits", 4)), _groups(inputs, told.get("group_size", 128))
    return {
        "qweight": ("int32", (_up(inputs * bits, 32), outputs)),
        "qzeros": ("int32", (groups, _up(outputs * bits, 32))),
        "scales": ("float16", (groups, outputs)),
        "g_idx": ("int32", (inputs,)),
    }


def _awq(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    bits, groups = int(told.get("bits", 4)), _groups(inputs, told.get("group_size", 128))
    return {
        "qweight": ("int32", (inputs, _up(outputs * bits, 32))),
        "qzeros": ("int32", (groups, _up(outputs * bits, 32))),
        "scales": ("float16", (groups, outputs)),
    }


def _fp8(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    block = told.get("weight_block_size")
    scales = (_up(outputs, block[0]), _up(inputs, block[1])) if block else (1,)
    return {"weight": ("float8_e4m3fn", (outputs, inputs)), "weight_scale_inv": ("float32", scales)}


def _compressed(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    groups = list((told.get("config_groups") or {}).values())
    weights = groups[0].get("weights") or {} if groups else {}
    bits, strategy = int(weights.get("num_bits", 8)), str(weights.get("strategy", "channel"))
    form = str(told.get("format") or (groups[0].get("format") if groups else ""))
    if form.startswith("nvfp4"):
        return {
            "weight_packed": ("uint8", (outputs, _up(inputs, 2))),
            "weight_scale": ("float8_e4m3fn", (outputs, _up(inputs, 16))),
            "weight_global_scale": ("float32", (1,)),
        }
    columns = _groups(inputs, weights.get("group_size")) if strategy == "group" else 1
    scale = (compute, (1,) if strategy == "tensor" else (outputs, columns))
    if form == "pack-quantized" or bits < 8:
        packed: Layout = {
            "weight_packed": ("int32", (outputs, _up(inputs * bits, 32))),
            "weight_scale": scale,
            "weight_shape": ("int64", (2,)),
        }
        if not weights.get("symmetric", True):
            packed["weight_zero_point"] = ("int32", (_up(outputs * bits, 32), columns))
        return packed
    kind = "int8" if weights.get("type") == "int" else "float8_e4m3fn"
    return {"weight": (kind, (outputs, inputs)), "weight_scale": scale}


def _bitsandbytes(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    if not told.get("load_in_4bit", told.get("_load_in_4bit")):
        return {"weight": ("int8", (outputs, inputs)), "SCB": ("float32", (outputs,))}
    scales = _up(outputs * inputs, 64)
    packed: Layout = {
        "weight": ("uint8", (_up(outputs * inputs, 2), 1)),
        "weight.absmax": ("float32", (scales,)),
        "weight.quant_map": ("float32", (16,)),
    }
    if told.get("bnb_4bit_use_double_quant"):
        packed["weight.absmax"] = ("uint8", (scales,))
        packed["weight.nested_absmax"] = ("float32", (_up(scales, 256),))
        packed["weight.nested_quant_map"] = ("float32", (256,))
    return packed


def _mxfp4(outputs: int, inputs: int, told: Mapping[str, Any], compute: str) -> Layout:
    blocks = _up(inputs, 32)
    return {"blocks": ("uint8", (outputs, blocks, 16)), "scales": ("uint8", (outputs, blocks))}


RULES: dict[str, _Rule] = {
    "gptq": _gptq, "awq": _awq, "fp8": _fp8, "compressed-tensors": _compressed, "bitsandbytes": _bitsandbytes,
    "mxfp4": _mxfp4,
}  # fmt: skip
EXPERTS_ALONE = ("mxfp4",)  # what is no expert stays as it is
_LEFT_OUT = ("modules_to_not_convert", "ignore", "llm_int8_skip_modules")


def is_left_out(path: str, told: Mapping[str, Any]) -> bool:
    """Whether a configuration says that a layer is not quantised; the last one is not, unless something is said of it.

    >>> is_left_out("lm_head", {}), is_left_out("model.layers.3.mlp.gate", {"ignore": ["re:.*gate$"]})
    (True, True)
    """
    names = [name for key in _LEFT_OUT for name in told.get(key) or ()]
    if path.rpartition(".")[2] == "lm_head" and not told.get("lm_head"):
        return True
    for name in map(str, names):
        if name.startswith("re:"):
            try:
                if re.match(name[3:], path):
                    return True
            except re.error:
                continue
        elif f".{name}." in f".{path}.":
            return True
    return False
