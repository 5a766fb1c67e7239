"""What scripts.toml or recorded.toml says: public scripts, at which commit, with which arguments, data and packages.

Trusts a corpus folder that holds each repository at its commit under owner+name; it fetches nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import tomllib

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One public script as it is in its repository, and how it is called."""

    name: str
    repository: str
    commit: str
    path: str
    kind: str
    packages: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    folder: str | None = None
    data: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    trains_on: str = "cuda"
    torch_below: str | None = None
    launcher: tuple[str, ...] = ()

    def file(self, corpus: Path) -> Path:
        """The script in the corpus."""
        return corpus / self.repository.replace("/", "+") / self.path

    def runs_in(self, corpus: Path) -> Path:
        """The working directory: the script's own folder, ``folder`` in its repository, or @folder in the corpus."""
        if self.folder is None:
            return self.file(corpus).parent
        if self.folder.startswith("@"):
            return corpus / self.folder[1:]
        return corpus / self.repository.replace("/", "+") / self.folder

    def command(self, corpus: Path) -> list[str]:
        """The script and its arguments, with {corpus} put in."""
        return [str(self.file(corpus)), *(part.replace("{corpus}", str(corpus)) for part in self.arguments)]


def load(only: list[str] | None = None, file: str = "scripts.toml") -> list[Script]:
    """The scripts of a file, all or the named ones, in the file's order."""
    table = tomllib.loads((HERE / file).read_text())
    commits = table["commits"]
    scripts = [_script(entry, commits) for entry in table["script"]]
    return [script for script in scripts if not only or script.name in only]


def _script(entry: dict[str, object], commits: dict[str, str]) -> Script:
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    given["environment"] = tuple(dict(entry.get("environment", {})).items())
    return Script(commit=commits[str(entry["repository"])], **given)


def surroundings(script: Script, corpus: Path) -> dict[str, str]:
    """The environment variables of a script: offline, its hub cache in the corpus, one thread."""
    fixed = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(corpus / "_hub"),
        "TORCH_HOME": str(corpus / "_torch"),
        "WANDB_MODE": "offline",
        "MPLBACKEND": "Agg",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "2",
    }
    return fixed | {name: value.replace("{corpus}", str(corpus)) for name, value in script.environment}
