"""What transformers' own models did in its earlier versions, read from its wheels: src/memfit/recipes/software.json.

    python -m benchmarks.published.versions FOLDER

FOLDER holds unpacked wheels, a folder for each version ("4.38.2/transformers/…", by `pip download --no-deps` and
unzip), one of every minor version. The sources are read and not run. For each architecture that the installed version
has too: until which minor version a habit is found in its file.
"""

from __future__ import annotations

import argparse
import json
import re
from importlib.resources import files
from pathlib import Path

from memfit.recipes.software import HABITS

OUTPUT = Path(__file__).parents[2] / "src/memfit/recipes/software.json"
_SINCE = (5, 0)  # what is still found in the last version of the 4th series
_FLOAT = re.compile(r"(logits = (lm_)?logits|(lm_head|embed_out)\([^\n]*\))\.(float\(\)|to\(torch\.float32\))")
_TABLE = re.compile(r'register_buffer\(\s*"_?cos_cached"')
_OF_MODEL = re.compile(r"= self\.rotary_emb\((hidden_states|inputs_embeds), position_ids\)")


def habits(text: str, generation: str) -> dict[str, bool]:
    """Which of HABITS a modeling file of that version has.

    Args:
        text: the file.
        generation: the version's generation/utils.py.
    """
    return {
        "float_logits": bool(_FLOAT.search(text)),
        "whole_logits": "logits_to_keep" not in text,
        "tables": bool(_TABLE.search(text)) and not _OF_MODEL.search(text),
        "eager": "_supports_sdpa = True" not in text and "scaled_dot_product_attention" not in text,
        "tuples": "_supports_cache_class = True" not in text or "DynamicCache()" not in generation,
    }


def read(folder: Path) -> dict[tuple[int, int], dict[str, dict[str, bool]]]:
    """By version and architecture."""
    found: dict[tuple[int, int], dict[str, dict[str, bool]]] = {}
    for wheel in folder.iterdir():
        major, minor = map(int, wheel.name.split(".")[:2])
        library = wheel / "transformers"
        generation = library / "generation" / "utils.py"
        if not generation.is_file() or (major, minor) >= _SINCE:
            continue
        within = generation.read_text(encoding="utf-8")
        for file in library.glob("models/*/modeling_*.py"):
            text = file.read_text(encoding="utf-8")
            if file.stem == f"modeling_{file.parent.name}" and re.search(r"class \w+(ForCausalLM|LMHeadModel)\(", text):
                found.setdefault((major, minor), {})[file.parent.name] = habits(text, within)
    return found


def until(found: dict[tuple[int, int], dict[str, dict[str, bool]]]) -> dict[str, dict[str, str]]:
    """By architecture and habit: the first minor version without it, after the last with it."""
    versions = sorted(found)
    here = {path.name for path in files("transformers").joinpath("models").iterdir() if path.is_dir()}
    told: dict[str, dict[str, str]] = {}
    for name in sorted({name for each in found.values() for name in each} & here):
        own = [(version, found[version][name]) for version in versions if name in found[version]]
        for habit in HABITS:
            having = [at for at, (_, had) in enumerate(own) if had[habit]]
            if having:
                after = own[having[-1] + 1][0] if having[-1] + 1 < len(own) else _SINCE
                told.setdefault(name, {})[habit] = ".".join(map(str, after))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    found = read(parser.parse_args().folder)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(each)}" for name, each in until(found).items())
    OUTPUT.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
