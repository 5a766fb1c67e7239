"""TensorFlow, Keras and JAX: what their own settings and functions save.

Donation and Keras's precision are planned anew where the job is planned; else, and all else, told with what to type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import Hint, JobFacts

FRAMEWORKS = ("tensorflow", "jax")
_POLICY = "mixed_bfloat16"
_KERAS_POLICY = f'keras.mixed_precision.set_global_policy("{_POLICY}"), before the model is built'
_DONATED = "jax.jit(step, donate_argnums=(0, 1)): the places of the weights and of the optimizer's state"
_PRECISION = re.compile(r"mixed_precision|dtype_policy|bfloat16|float16")
_REMAT = re.compile(r"remat|checkpoint\(|recompute_grad|RematScope")
_SHUFFLE = re.compile(r"\.shuffle\(\s*([\d_]+)|\.shuffle\(\s*(?:buffer_size\s*=\s*)?len\(|\.cache\(\s*\)")
_POLICY_TIME = 0.7  # assumed, as for PyTorch on a device


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """What can be changed about a job whose programs are planned for a device."""
    if _can_donate(facts) and facts.compiler:
        yield Proposal(
            slug="donated-arguments",
            title="donate the weights and the optimizer's state to the step that returns new ones",
            setting=Setting(changes={"donate": True}),
            costs="none: after the call the old ones cannot be used any more",
            how=_DONATED,
            touches=frozenset({"donation"}),
            verifiable=False,
        )
    if _can_narrow(facts) and _plans_policies(facts):
        yield Proposal(
            slug="mixed-precision-policy",
            title=f"Keras's {_POLICY} policy",
            setting=Setting(changes={"keras_policy": _POLICY}),
            costs="activations keep three digits instead of seven, weights and optimizer stay in float32; faster on "
            "devices that compute in it (30 % less time assumed)",
            how=_KERAS_POLICY,
            time_factor=_POLICY_TIME,
            results="rounding",
            touches=frozenset({"precision"}),
            verifiable=False,
        )


def _can_donate(facts: JobFacts) -> bool:
    text = facts.text
    return facts.framework == "jax" and "jit" in text and "donate" not in text and "keras" not in text and facts.trains


def _can_narrow(facts: JobFacts) -> bool:
    return facts.framework in FRAMEWORKS and not _PRECISION.search(facts.text)


def _plans_policies(facts: JobFacts) -> bool:
    """The CPU's compiler, where it stands in, widens what a device holds in half."""
    return "keras" in facts.text and facts.compiler == "device"


def hints(facts: JobFacts) -> Iterator[Hint]:
    """What the script does not do yet."""
    if facts.framework not in FRAMEWORKS:
        return
    text, keras = facts.text, "keras" in facts.text
    if _can_narrow(facts) and not _plans_policies(facts):
        yield Hint(
            slug="mixed-precision-policy",
            text="half-width types halve the activations, on devices that compute in them; weights stay in float32",
            how=_KERAS_POLICY
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
    if facts.compiler or not _can_donate(facts):
        return
    held = sum(facts.breakdown.get(name, 0) for name in ("parameters", "optimizer_state"))
    yield Hint(
        slug="donated-arguments",
        text="a step that returns new weights and optimizer states holds the old ones too, if they are not donated",
        how=_DONATED,
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
