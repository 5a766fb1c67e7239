"""The front door: every name that it shows is there, and none costs before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from memfit import api


@pytest.mark.parametrize("name", dir(api))
def test_a_name_leads_somewhere(name):
    assert getattr(api, name) is not None


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="nothing_of_this"):
        _ = api.nothing_of_this


def test_opening_it_loads_none_of_the_rooms():
    code = "import sys, memfit.api; print([m for m in sys.modules if m.startswith(('memfit.jobs', 'memfit.advice'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_script_is_estimated_without_what_finds_models() -> None:
    """Headers, hubs and data files take as long to load as all the rest."""
    heavy = ("memfit.datasets", "memfit.llamacpp", "memfit.recipes.naming")
    code = f"import sys, memfit.api.estimating; print([m for m in sys.modules if m.startswith({heavy})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
