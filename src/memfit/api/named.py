"""Models by name: which recipe is run with which words, and what the estimate says of that."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memfit.documents import Assumption, Estimate
from memfit.estimating import serving
from memfit.jobs.machine import device_count
from memfit.recipes import headers, naming, wishes

RECIPE = "memfit.recipes.language"
_A_NODE = 8  # devices of a node, where only the mesh says how many ranks there are


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedJob:
    """What is run in the place of a model's name.

    Args:
        model: what the name led to.
        words: of the user, behind the name, those of the machine taken out.
        options: what they ask of the recipe.
        on, ranks: the machine and the processes, from there too where they stand there.
        weights: what the headers of its weights say, where they were read.
        unread: why they were not; "" where nobody would have expected them to be.
        reward: the model that gives rewards.
    """

    model: naming.Named
    words: tuple[str, ...]
    options: argparse.Namespace
    on: str | None
    ranks: str | None
    weights: headers.Weights | None = None
    unread: str = ""
    reward: naming.Named | None = None

    @property
    def recipe(self) -> str:
        """The module that is run."""
        return RECIPE

    @property
    def libraries(self) -> tuple[str, ...]:
        """The modules that take long to load, for variants to share."""
        return ("transformers.modeling_utils", *(("peft",) if self.options.train not in (None, "full") else ()))

    @property
    def steps(self) -> int:
        """How many its recipe needs, 0 for what is usual."""
        return int(self.options.steps) if self.options.lengths is not None else 0

    @property
    def torch(self) -> str:
        """The version whose context is taken, "" for the one that runs."""
        return self.options.software.torch or ""

    @property
    def arguments(self) -> list[str]:
        """Of the recipe: without a type from anybody, that of the weights, as from_pretrained takes it."""
        kind = self.weights.first_type if self.weights is not None else None
        stored = self.options.dtype == "auto" and kind in wishes.DTYPES and not naming.names_a_type(self.model)
        dtype = ("--dtype", str(kind)) if stored else ()
        reward = ("--reward", str(self.reward.folder)) if self.reward is not None else ()
        return [str(self.model.folder), *self.words, *dtype, *reward]

    @property
    def stored(self) -> tuple[Assumption, ...]:
        """What is known of the weights as their files hold them."""
        if self.weights is not None:
            text = f"{self.weights.told()}, by the headers of {self.weights.found}"
            return (Assumption(slug="weights-stored", text=text),)
        if not self.unread:
            return ()
        text = f"the headers of its weights were not read: {self.unread}; their types are taken from the configuration"
        return (Assumption(slug="weights-unread", text=text),)

    def target(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a document is about: the model, not the recipe that was run."""
        return {**recipe, "kind": "model", "name": self.model.name, "arguments": list(self.words)}

    def told(self, estimate: Estimate) -> Estimate:
        """The estimate under the name that was asked for, with what the recipe takes for granted."""
        options = self.options
        doing = f"--train {options.train}" if options.train else "inference"
        taken = [f"weights in {options.dtype if options.dtype != 'auto' else 'the type of the configuration'}"]
        if options.train:
            taken += [options.objective] if options.objective != "sft" else []
            taken += [f"rewards by {options.reward}"] if options.reward else []
            taken += [f"batch {options.batch} of {options.seq or wishes.DEFAULT_TOKENS} tokens", options.optimizer]
            if options.train != "full":
                none = options.autocast == "none"
                mixed = "in float32 " + (
                    "without autocast" if none else f"under {options.autocast or 'bfloat16'} autocast"
                )
                typed = mixed if options.lora_dtype == "float32" else "in the weights' type"
                dropout = f", dropout {options.lora_dropout:g}" if options.lora_dropout else ""
                taken.append(f"rank {options.lora_rank} on {options.lora_targets}{dropout}, {typed}")
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
            assumptions=(by_name, *self.stored, *estimate.assumptions),
        )


def machine_words(
    target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None = None
) -> tuple[str | None, str | None, list[str]]:
    """The machine and the ranks, from behind the name where they stand there, and the words that are left."""
    machine = wishes.Words(f"memfit estimate {target}", example=wishes.EXAMPLE, add_help=False, allow_abbrev=False)
    machine.add_argument("--on")
    machine.add_argument("--ranks")
    found, rest = machine.parse_known_args([str(word) for word in words])
    return found.on or on, found.ranks or (None if ranks is None else str(ranks)), rest


def named_job(target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None) -> NamedJob:
    """Find the model, and read the words behind its name.

    Raises:
        UsageError: no such model, or a word that a recipe does not know.
    """
    on, ranks, rest = machine_words(target, words, on=on, ranks=ranks)
    options = wishes.read(["-", *rest], f"memfit estimate {target}")
    if ranks is None and (options.mesh is not None or device_count(on) > 1):
        ranks = _ranks(options.mesh.ranks if options.mesh is not None else device_count(on), device_count(on))
    model, weights, unread = naming.with_weights(naming.find(target))
    reward = naming.find(options.reward) if options.reward else None
    return NamedJob(
        model=model,
        words=tuple(rest),
        options=options,
        on=on,
        ranks=ranks,
        weights=weights,
        unread=unread,
        reward=reward,
    )


def _ranks(count: int, devices: int) -> str:
    """Over nodes of as many devices as were named, or of eight.

    >>> _ranks(4, 1), _ranks(1024, 1), _ranks(8, 4)
    ('4', '128x8', '2x4')
    """
    per_node = devices if devices > 1 else _A_NODE
    return str(count) if count <= per_node or count % per_node else f"{count // per_node}x{per_node}"
