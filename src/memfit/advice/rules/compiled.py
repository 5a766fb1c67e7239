"""TensorFlow, Keras and JAX: what their own settings and functions save. Told, with what to type; not estimated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memfit.documents import Hint, JobFacts

FRAMEWORKS = ("tensorflow", "jax")
_PRECISION = re.compile(r"mixed_precision|dtype_policy|bfloat16|float16")
_REMAT = re.compile(r"remat|checkpoint\(|recompute_grad|RematScope")
_SHUFFLE = re.compile(r"\.shuffle\(\s*([\d_]+)|\.shuffle\(\s*(?:buffer_size\s*=\s*)?len\(|\.cache\(\s*\)")


def hints(facts: JobFacts) -> Iterator[Hint]:
    """What the script does not do yet."""
    if facts.framework not in FRAMEWORKS:
        return
    text, keras = facts.text, "keras" in facts.text
    if not _PRECISION.search(text):
        yield Hint(
            slug="mixed-precision-policy",
            text="half-width types halve the activations, on devices that compute in them; weights stay in float32",
            how='keras.mixed_precision.set_global_policy("mixed_bfloat16"), before the model is built'
            if keras
            else "x = x.astype(jnp.bfloat16), and weights where they are used"
            if facts.framework == "jax"
            else "tf.cast(x, tf.bfloat16), and weights where they are used",
        )
    if facts.trains and not _REMAT.search(text):
        yield Hint(
            slug="remat",
            text="a block that is recomputed in the backward pass keeps no activations: a third more time at most",
            how="jax.checkpoint(block), flax.linen.remat(Block)"
            if facts.framework == "jax" and not keras
            else "keras.remat(block), or with keras.RematScope(): build the layers"
            if keras
            else "tf.recompute_grad(block)",
        )
    yield from _of_jax(facts)
    yield from _of_data(text)
    yield from _of_devices(facts)


def _of_jax(facts: JobFacts) -> Iterator[Hint]:
    if facts.framework != "jax" or "jit" not in facts.text or "donate" in facts.text or "keras" in facts.text:
        return
    held = sum(facts.breakdown.get(name, 0) for name in ("parameters", "optimizer_state"))
    yield Hint(
        slug="donated-arguments",
        text="a step that returns new weights and optimizer states holds the old ones too, if they are not donated",
        how="jax.jit(step, donate_argnums=(0, 1)): the places of the weights and of the optimizer's state",
        saves_bytes=held or None,
    )


def _of_data(text: str) -> Iterator[Hint]:
    if "tf.data" in text and _SHUFFLE.search(text):
        yield Hint(
            slug="dataset-buffers",
            text="shuffle() and cache() keep their elements in memory, decoded: shuffle file names or indices, and "
            "decode afterwards; cache(path) keeps them in a file",
            how="dataset.shuffle(n).map(load).batch(b).prefetch(1), in this order",
        )


def _of_devices(facts: JobFacts) -> Iterator[Hint]:
    if not facts.on_device:
        return
    settings = (
        "XLA_PYTHON_CLIENT_PREALLOCATE=false, or XLA_PYTHON_CLIENT_MEM_FRACTION=.90"
        if facts.framework == "jax"
        else "TF_FORCE_GPU_ALLOW_GROWTH=true"
    )
    yield Hint(
        slug="allocator-growth",
        text="the framework takes most of a GPU when it starts: let it grow where others use the device, or take more",
        how=settings,
    )
