"""Writes the made-up data that every script of scripts.toml expects into the corpus folder.

    python make_data.py CORPUS [--of recorded.toml] [--only NAME …]

An entry of ``data`` reads "kind target option=value …": the target is relative to the folder the script runs in, or to
the corpus where it starts with "@". Data that is there already is left alone (see the .made files).
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from corpus import Script, load
from made import arrays, graphs, hub, images, text

MAKERS = {
    name: maker
    for module in (images, text, graphs, hub, arrays)
    for name, maker in vars(module).items()
    if callable(maker) and not name.startswith("_") and maker.__module__ == module.__name__
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("--only", nargs="*", default=None)
    arguments.add_argument("--of", default="scripts.toml")
    options = arguments.parse_args()
    for script in load(options.only, options.of):
        for entry in script.data:
            make(script, entry, options.corpus.resolve())
    return 0


def make(script: Script, entry: str, corpus: Path) -> None:
    """Writes one entry once; a stamp keeps later calls cheap."""
    kind, target, *settings = shlex.split(entry)
    path = corpus / target[1:] if target.startswith("@") else script.runs_in(corpus) / target
    stamp = corpus / ".made" / (f"{kind} {path} {' '.join(settings)}".replace("/", "%")[-200:])
    if stamp.exists():
        return
    print(f"{script.name}: {entry}", flush=True)
    given = dict(setting.split("=", 1) for setting in settings)
    MAKERS[kind](path, **{key: int(value) if value.isdigit() else value for key, value in given.items()})
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


if __name__ == "__main__":
    raise SystemExit(main())
