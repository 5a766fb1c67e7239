"""Models by name: which recipe is run with which words, and what the estimate says of that."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from memfit.documents import Assumption, Estimate
from memfit.errors import UsageError
from memfit.estimating import serving
from memfit.jobs.machine import device_count
from memfit.recipes import naming, wishes

RECIPE = "memfit.recipes.language"


class _MachineWords(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=wishes.EXAMPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedJob:
    """What is run in the place of a model's name.

    Args:
        model: what the name led to.
        words: of the user, behind the name, those of the machine taken out.
        options: what they ask of the recipe.
        on, ranks: the machine and the processes, from there too where they stand there.
    """

    model: naming.Named
    words: tuple[str, ...]
    options: argparse.Namespace
    on: str | None
    ranks: str | None

    @property
    def arguments(self) -> list[str]:
        """Of the recipe."""
        return [str(self.model.folder), *self.words]

    def target(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a document is about: the model, not the recipe that was run."""
        return {**recipe, "kind": "model", "name": self.model.name, "arguments": list(self.words)}

    def told(self, estimate: Estimate) -> Estimate:
        """The estimate under the name that was asked for, with what the recipe takes for granted."""
        options = self.options
        doing = f"--train {options.train}" if options.train else "inference"
        taken = [f"weights in {options.dtype if options.dtype != 'auto' else 'the type of the configuration'}"]
        if options.train:
            taken += [f"batch {options.batch} of {options.seq or wishes.DEFAULT_TOKENS} tokens", options.optimizer]
            if options.train != "full":
                mixed = f"in float32 under {options.autocast or 'bfloat16'} autocast"
                typed = mixed if options.lora_dtype == "float32" else "in the weights' type"
                taken.append(f"rank {options.lora_rank} on {options.lora_targets}, {typed}")
            taken.append("activations recomputed" if options.checkpointing else "no activation checkpointing")
        by_name = Assumption(
            slug="model-by-name",
            text=f"{self.model.name} by {self.model.found}, {doing}: {', '.join(taken)}; {RECIPE} is what was run",
        )
        context = options.context or options.seq or wishes.DEFAULT_TOKENS
        return replace(
            estimate,
            serving=serving(estimate, context=context, concurrent=options.concurrent) if options.serve else None,
            target=self.target(estimate.target),
            assumptions=(by_name, *estimate.assumptions),
        )


def named_job(target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None) -> NamedJob:
    """Find the model, and read the words behind its name.

    Raises:
        UsageError: no such model, or a word that a recipe does not know.
    """
    machine = _MachineWords(prog=f"memfit estimate {target}", add_help=False, allow_abbrev=False)
    machine.add_argument("--on")
    machine.add_argument("--ranks")
    found, rest = machine.parse_known_args([str(word) for word in words])
    on, ranks = found.on or on, found.ranks or (None if ranks is None else str(ranks))
    options = wishes.read(["-", *rest], f"memfit estimate {target}")
    if ranks is None and (options.mesh is not None or device_count(on) > 1):
        ranks = str(options.mesh.ranks if options.mesh is not None else device_count(on))
    return NamedJob(model=naming.find(target), words=tuple(rest), options=options, on=on, ranks=ranks)
