"""Models of images, sound and sentences by name: which recipe is run with which words, and what the estimate says."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memfit.api.named import NamedJob, machine_words, named_job
from memfit.documents import Assumption, Estimate
from memfit.errors import UsageError
from memfit.jobs.machine import device_count
from memfit.recipes import naming, other_wishes, pipeline_naming
from memfit.recipes.names import PREFIX, TIMM, is_model

_ON_HUB = "hf:timm/"
_LIBRARIES = {
    "vision": ("timm",),
    "speech": ("transformers.modeling_utils",),
    "sentences": ("transformers.modeling_utils", "sentence_transformers"),
    "diffusion": ("transformers.modeling_utils", "diffusers.pipelines.pipeline_utils"),
}
_SPEECH = ("whisper", "speech_to_text", "moonshine")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryJob:
    """What is run in the place of a name.

    Args:
        kind: of recipe, "vision", "speech", "sentences" or "diffusion".
        name: as it was asked for.
        model: for the recipe: a name of the library, or a folder.
        words: of the user, those of the machine taken out.
        options: what they ask of the recipe.
        on: the machine.
        by: where its configuration comes from, in words after the name.
    """

    kind: str
    name: str
    model: str
    words: tuple[str, ...]
    options: argparse.Namespace
    on: str | None
    ranks: None = None
    steps: int = 0
    torch: str = ""
    by: str = ""

    @property
    def recipe(self) -> str:
        return f"memfit.recipes.{self.kind}"

    @property
    def libraries(self) -> tuple[str, ...]:
        """The modules that take long to load, for variants to share."""
        return _LIBRARIES[self.kind]

    def _of_images(self) -> str:
        """What a pipeline takes for granted, in words."""
        if self.kind != "diffusion":
            return ""
        options, told = self.options, ["every prompt as long as its encoders take"]
        sides = (options.height or options.image, options.width or options.image)
        told.append(f"images of {sides[0]} × {sides[1]}" if all(sides) else "images of the pipeline's own size")
        if options.train:
            told.append(
                "on latents and texts encoded before" if options.cached else "encoders and autoencoder beside it"
            )
            told.append("activations recomputed" if options.checkpointing else "no activation checkpointing")
        elif options.offload is None:
            told.append("all parts on the device")
        return f", {', '.join(told)}"

    @property
    def arguments(self) -> list[str]:
        """Of the recipe."""
        return [self.model, *self.words]

    def target(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a document is about: the model, not the recipe that was run."""
        return {**recipe, "kind": "model", "name": self.name, "arguments": list(self.words)}

    def told(self, estimate: Estimate) -> Estimate:
        """The estimate under the name that was asked for, with what the recipe takes for granted."""
        options = self.options
        doing = f"--train {options.train}, {options.optimizer}" if options.train else "inference"
        dtype = "float32" if options.dtype == "auto" else options.dtype
        mixed = f" under {options.autocast} autocast" if options.autocast else ""
        text = (
            f"{self.name}{self.by}, {doing}: batch {options.batch}, weights in {dtype}{mixed}{self._of_images()}; "
            f"{self.recipe} is what was run"
        )
        return replace(
            estimate,
            target=self.target(estimate.target),
            assumptions=(Assumption(slug="model-by-name", text=text), *estimate.assumptions),
        )


def job_of(
    target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None
) -> LibraryJob | NamedJob | None:
    """The job of a model's name; None for what is none."""
    job = library_job(target, words, on=on, ranks=ranks)
    if job is not None or not is_model(target):
        return job
    try:
        return named_job(target, words, on=on, ranks=ranks)
    except UsageError as error:
        there = pipeline_naming.find_on_hub(target) if error.slug == "no-model" else None
        if there is None:
            raise
        return _job("diffusion", str(there.folder), target, words, on=on, ranks=ranks, by=f" by {there.found}")


def library_job(
    target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None = None
) -> LibraryJob | None:
    """The job of a name that belongs to timm, to diffusers, to sentence-transformers or to a model of speech.

    Returns:
        None for any other.

    Raises:
        UsageError: a word that the recipe does not know, or several devices.
    """
    pipeline = pipeline_naming.find(target)
    if pipeline is not None:
        return _job("diffusion", str(pipeline.folder), target, words, on=on, ranks=ranks, by=f" by {pipeline.found}")
    found = _kind(target)
    return None if found is None else _job(*found, target, words, on=on, ranks=ranks)


def _job(
    kind: str, model: str, target: str, words: Sequence[str], *, on: str | None, ranks: str | int | None, by: str = ""
) -> LibraryJob:
    on, ranks, rest = machine_words(target, words, on=on, ranks=ranks)
    options = other_wishes.read(kind, ["-", *rest], f"memfit estimate {target}")
    if device_count(on) > 1 or ranks is not None:
        raise UsageError(
            f"{target} is estimated on one device so far", hint="a script says how it is spread", slug="one-device"
        )
    return LibraryJob(kind=kind, name=target, model=model, words=tuple(rest), options=options, on=on, by=by)


def _kind(target: str) -> tuple[str, str] | None:
    if target.startswith(TIMM):
        name = target.removeprefix(TIMM)
    elif target.startswith(_ON_HUB):
        name = target.removeprefix(_ON_HUB).partition(".")[0]  # timm's names on the hub: architecture.weights
    else:
        return _of_folder(target)
    if not re.fullmatch(r"[\w.-]+", name):
        raise UsageError(f"{target!r} is no model's name", hint=other_wishes.EXAMPLES["vision"])
    return "vision", name


def _of_folder(target: str) -> tuple[str, str] | None:
    plain = Path(target)
    if (plain / "config.json").is_file():
        told = _read(plain)
        name = told.get("architecture")
        if isinstance(name, str) and "model_type" not in told:
            return "vision", name
    elif not target.startswith(PREFIX):
        return None
    sentences = (plain / "modules.json").is_file() or target.startswith("hf:sentence-transformers/")
    if not sentences and (plain / "config.json").is_file() and _read(plain).get("model_type") not in _SPEECH:
        return None
    if not sentences and target.startswith(PREFIX) and not re.search(r"whisper|moonshine", target.lower()):
        return None
    return ("sentences" if sentences else "speech"), str(naming.find(target).folder)


def _read(folder: Path) -> dict[str, object]:
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
