"""`--apply`: a patch of the script, variables and words for review; what cannot be made automatically is told."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from tests.unit.advice.test_rules import JOB

from memfit.advice import Proposal, proposals, review
from memfit.documents import JobFacts, Knob

SCRIPT = '''"""A script."""
import torch


class Block(torch.nn.Module):
    def forward(self, x):
        return x


batch_size = 12
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
'''
IN_SCRIPT = replace(JOB, batch=Knob(name="batch_size", kind="constant", value=12, places=("10:13",)))


def made(facts: JobFacts, slug: str, title: str = "") -> tuple[Proposal, ...]:
    return tuple(each for each in proposals(facts) if each.slug == slug and title in each.title)[:1]


def applied(patch: str, folder: Path) -> str:
    """The script after the patch, as `patch` makes it."""
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    subprocess.run(["git", "apply", "--recount", "-"], input=patch, text=True, cwd=folder, check=True)
    return (folder / "train.py").read_text(encoding="utf-8")


def test_a_number_in_the_script_is_patched(tmp_path: Path) -> None:
    """The batch is changed in place; accumulation, which the script has not, is left to be done by hand."""
    found = review(IN_SCRIPT, made(IN_SCRIPT, "smaller-batch"), SCRIPT, "train.py", [])

    assert "batch_size = 6\n" in applied(found.patch, tmp_path)
    assert "backward()" in found.by_hand[0][1]


def test_layers_of_the_script_are_recomputed(tmp_path: Path) -> None:
    """The class keeps its name and place; its forward is wrapped."""
    found = review(JOB, made(JOB, "activation-checkpointing"), SCRIPT, "train.py", [])

    text = applied(found.patch, tmp_path)
    assert "Block.forward = _recomputed" in text and "import torch.utils.checkpoint" in text
    assert found.by_hand == ()
    compile(text, "train.py", "exec")


def test_an_optimizer_is_replaced_with_the_arguments_that_mean_the_same(tmp_path: Path) -> None:
    """What the other does not know is left out."""
    found = review(JOB, made(JOB, "lighter-optimizer", "Adafactor"), SCRIPT, "train.py", [])

    assert "optimizer = torch.optim.Adafactor(model.parameters(), lr=0.001)\n" in applied(found.patch, tmp_path)


def test_the_command_line_and_variables_are_told() -> None:
    """What is an option or a variable needs no patch."""
    facts = replace(JOB, accumulation=Knob(name="--accumulate", kind="option", value=2))
    chosen = made(facts, "smaller-batch") + made(facts, "expandable-segments")

    found = review(facts, chosen, SCRIPT, "train.py", ["--batch_size=12"])

    assert found.patch == ""
    assert found.arguments == ("--batch_size=6", "--accumulate", "4")
    assert found.environment == {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}


def test_what_cannot_be_made_is_left_to_do_by_hand() -> None:
    """A script without the class, and a change of the loop."""
    chosen = made(JOB, "activation-checkpointing") + made(JOB, "mixed-precision")

    found = review(JOB, chosen, "import torch\n", "train.py", [])

    assert found.patch == "" and len(found.by_hand) == 2
