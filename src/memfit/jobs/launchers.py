"""Command lines of the launchers: how many processes they start, and of which script. Starts nothing."""

from __future__ import annotations

from collections.abc import Sequence

from memfit.errors import UsageError
from memfit.jobs.ranks import Launch


def launched(words: Sequence[str]) -> tuple[Launch, list[str], bool] | None:
    """What a launcher's command line starts: how many processes, the script with its arguments, whether a module.

    Understands torchrun and `python -m torch.distributed.run`, accelerate launch and deepspeed; None for others.

    >>> launched(["torchrun", "--nproc-per-node=8", "train.py", "--lr", "1"])[1]
    ['train.py', '--lr', '1']
    """
    name, rest = words[0].rsplit("/", 1)[-1], list(words[1:])
    if name == "torchrun":
        return _read(rest, nodes=("--nnodes",), per_node=("--nproc-per-node", "--nproc_per_node"))
    if name == "accelerate" and rest[:1] == ["launch"]:
        return _accelerate(rest[1:])
    if name == "deepspeed":
        return _read(rest, nodes=("--num_nodes",), per_node=("--num_gpus",))
    return None


# Options of the launchers that stand alone; every other one takes a value, in the next word or after "=".
_ALONE = frozenset({
    "--standalone", "-m", "--module", "--no-python", "--no_python", "--run-path", "--run_path", "--multi_gpu", "--cpu",
    "--use_deepspeed", "--use_fsdp", "--debug", "--quiet", "-q", "--no_local_rank", "--force_multi", "--same_network",
})  # fmt: skip


def _options(words: list[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    at = 0
    while at < len(words) and words[at].startswith("-"):
        name, equals, value = words[at].partition("=")
        at += 1
        if not equals and name not in _ALONE and at < len(words):
            value = words[at]
            at += 1
        options[name] = value
    return options, words[at:]


def _read(words: list[str], *, nodes: Sequence[str], per_node: Sequence[str]) -> tuple[Launch, list[str], bool]:
    options, rest = _options(words)
    many = _number(options, nodes)
    each = _number(options, per_node)
    return Launch(nodes=many, per_node=each), _target(rest), "-m" in options or "--module" in options


def _accelerate(words: list[str]) -> tuple[Launch, list[str], bool]:
    options, rest = _options(words)
    nodes, ranks = _number(options, ("--num_machines",)), _number(options, ("--num_processes",))
    if ranks % nodes:
        raise UsageError(f"{ranks} processes do not divide into {nodes} machines", slug="bad-ranks")
    return Launch(nodes=nodes, per_node=ranks // nodes), _target(rest), "-m" in options or "--module" in options


def _target(rest: list[str]) -> list[str]:
    if not rest:
        raise UsageError("the launcher's command line names no script", slug="no-target")
    return rest


def _number(options: dict[str, str], names: Sequence[str]) -> int:
    text = next((options[name] for name in names if name in options), "1")
    if not text.split(":")[-1].isdigit() or int(text.split(":")[-1]) < 1:
        raise UsageError(
            f"{names[0]} {text} does not say how many", hint=f"give a number: {names[0]}=8", slug="bad-ranks"
        )
    return int(text.split(":")[-1])
