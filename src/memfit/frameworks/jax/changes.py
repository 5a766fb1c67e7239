"""Changes to a JAX job that is planned: made to the programs that it called, its script stays as it is.

What a user would type is beside each in memfit.advice.rules.compiled.
"""

from __future__ import annotations

from memfit.frameworks.jax.abstract import Program

DONATE = "donate"


def donated(program: Program) -> None:
    """Give a training step the arguments back whose kind and shape it returns: what it hands on to the next step."""
    options = program.options
    results = [(aval.shape, aval.dtype) for aval in options["jaxpr"].out_avals if hasattr(aval, "shape")]
    flags = []
    for aval, already in zip(options["jaxpr"].in_avals, options["donated_invars"], strict=True):
        kind = (getattr(aval, "shape", None), getattr(aval, "dtype", None))
        flags.append(already or kind in results)
        if kind in results:
            results.remove(kind)
    program.options = {**options, "donated_invars": tuple(flags)}
