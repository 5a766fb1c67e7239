"""Why two documents of one job differ, where it can be told: each reason with its share of the difference.

First what was not the same job, then where in the process the bytes are, then what remains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from memfit.analysis.measured import device_product, retained, training_pids, was_cut_short
from memfit.documents import Comparison, Estimate, PoolComparison, Reason, Recording, Row
from memfit.quantities import ByteRange, Category, format_bytes

REST = "the rest"  # the row of what neither side or only one tells apart
_WORTH_TELLING = 0.02  # of the pool's peak: a part that differs by less is no reason
_LEAST_BYTES = 8 << 20  # and nothing below this is, whatever the peak
_ENDINGS = {
    "oom_killed": "the kernel killed the job for memory",
    "signalled": "the job was ended by a signal",
    "lost": "the recorder was killed before the job ended",
    "running": "the job was still running",
}
_MALLOC = re.compile(r"^(MALLOC_\w+|GLIBC_TUNABLES|LD_PRELOAD|PYTORCH_\w*ALLOC_CONF)$")


def reasons(first: Estimate | Recording, second: Estimate | Recording, comparison: Comparison) -> Iterable[Reason]:
    """Everything that can be said of why the two differ, the job's own differences first."""
    yield from _ended_early(second)
    yield from _iterations(comparison)
    yield from _words(first, second)
    yield from _versions(first.environment, second.environment, comparison)
    yield from _machines(first, second)
    yield from _ranks(first, second)
    yield from _given_back(second)
    for pool in comparison.pools:
        grown = _grown_bytes(pool, comparison)
        if grown and pool.growth is not None:
            yield Reason(
                slug="grew-beyond-the-estimate",
                text=f"it grows by {format_bytes(round(pool.growth.second_bytes or 0))} per {pool.growth.unit}, over "
                f"{_further(comparison)} more than were simulated",
                pool=pool.pool,
                effect_bytes=grown,
            )
        yield from _parts(pool, of_prediction=comparison.of_prediction, grown_bytes=grown)


def _ended_early(second: Estimate | Recording) -> Iterable[Reason]:
    if isinstance(second, Recording) and was_cut_short(second):
        why = _ENDINGS.get(second.ending.how, second.ending.how)
        yield Reason(
            slug="measured-cut-short", text=f"{why}: the measured peak is a lower bound, not what the job needs"
        )
    elif isinstance(second, Recording) and second.ending.exit_code not in (None, 0):
        yield Reason(
            slug="measured-failed",
            text=f"the recorded job ended with exit code {second.ending.exit_code}: it may not have reached its peak",
        )


def _iterations(comparison: Comparison) -> Iterable[Reason]:
    first, second = comparison.first.iterations, comparison.second.iterations
    if not comparison.of_prediction or not first:
        return
    if second is None:
        yield Reason(
            slug="iterations-unknown", text="the recording counted no iterations: the job's stages are not told"
        )
    elif second < first:
        yield Reason(
            slug="recorded-fewer-steps",
            text=f"{second} iterations were recorded, {first} were simulated: "
            "what comes with the later ones was not measured",
        )


def _further(comparison: Comparison) -> int:
    """Iterations that were recorded beyond those that were simulated."""
    return max(0, (comparison.second.iterations or 0) - (comparison.first.iterations or 0))


def _grown_bytes(pool: PoolComparison, comparison: Comparison) -> int:
    """What steady growth added after the last simulated iteration; 0 where nothing grows by enough to tell."""
    if not comparison.of_prediction or not comparison.first.iterations or pool.growth is None:
        return 0
    grown = round((pool.growth.second_bytes or 0.0) * _further(comparison))
    return grown if grown >= _least(pool) else 0


def _words(first: Estimate | Recording, second: Estimate | Recording) -> Iterable[Reason]:
    """Arguments that one job had and the other had not, where both name the same script."""
    one, other = _arguments(first), _arguments(second)
    if one is None or other is None or one == other:
        return
    gone, come = [word for word in one if word not in other], [word for word in other if word not in one]
    said = " and ".join(
        f"{which} had {' '.join(words)}" for which, words in (("the first", gone), ("the second", come)) if words
    )
    yield Reason(slug="arguments-differ", text=f"not the same arguments: {said or 'another order'}")


def _arguments(document: Estimate | Recording) -> list[str] | None:
    """What follows the script; None where no script can be made out."""
    if isinstance(document, Estimate):
        return [str(word) for word in document.target.get("arguments") or ()]
    words = list(document.command)
    place = next((at for at, word in enumerate(words) if word.endswith(".py")), None)
    if place is None and "-m" in words:
        place = words.index("-m") + 1
    return None if place is None else words[place + 1 :]


def _versions(first: Mapping[str, Any], second: Mapping[str, Any], comparison: Comparison) -> Iterable[Reason]:
    for name in sorted(set(first) & set(second) - {"memfit", "platform", "allocator_settings"}):
        if first[name] != second[name]:
            yield Reason(
                slug="versions-differ", text=f"{name} is {first[name]} in the first, {second[name]} in the second"
            )
    settings = _settings(first), _settings(second)
    for name in sorted({*settings[0], *settings[1]}):
        one, other = (each.get(name) for each in settings)
        # An estimate notes the device allocator's settings alone: the host's absence there says nothing.
        known = not comparison.of_prediction or name.startswith("PYTORCH") or one is not None
        if one != other and known:
            text = f"{name} is {one or 'not set'} in the first, {other or 'not set'} in the second"
            yield Reason(slug="settings-differ", text=text)


def _settings(environment: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(value) for name, value in environment.items() if _MALLOC.match(name)}
    words = str(environment.get("allocator_settings") or "").split()
    return found | dict(word.split("=", 1) for word in words if "=" in word)


def _machines(first: Estimate | Recording, second: Estimate | Recording) -> Iterable[Reason]:
    one, other = _device(first), _device(second)
    if one and other and one != other:
        yield Reason(slug="devices-differ", text=f"the first is for {one}, the second for {other}")


def _device(document: Estimate | Recording) -> str:
    """The device's product name, "" without one."""
    if isinstance(document, Estimate):
        return str(document.machine.details.get("product") or "")
    return next((name for pool in document.pools if (name := device_product(document, pool))), "")


def _ranks(first: Estimate | Recording, second: Estimate | Recording) -> Iterable[Reason]:
    if isinstance(first, Estimate) and isinstance(second, Recording) and len(training_pids(second)) > 1:
        yield Reason(
            slug="several-processes",
            text=f"{len(training_pids(second))} processes trained, the estimate simulates one: "
            "each has a framework of its own on the host",
        )


def _least(pool: PoolComparison) -> int:
    """The smallest difference that is worth telling."""
    peak = max((side.expected for side in (pool.peak.first, pool.peak.second) if side is not None), default=0)
    return max(_LEAST_BYTES, round(peak * _WORTH_TELLING))


def _given_back(second: Estimate | Recording) -> Iterable[Reason]:
    """What was freed and still kept, where the recording asked for it back: measured, not modelled."""
    found = retained(second) if isinstance(second, Recording) else None
    if found is None or found.held_bytes is None:
        return
    size = format_bytes(found.held_bytes) if found.held_bytes else "nothing"
    yield Reason(
        slug="malloc-gave-back", text=f"asked for what it keeps of freed memory, malloc gave back {size}", pool="host"
    )


def _parts(pool: PoolComparison, *, of_prediction: bool, grown_bytes: int) -> Iterable[Reason]:
    """Parts of the peak that differ by more than a ripple; what grew is in the rest and told already."""
    least = _least(pool)
    for row in pool.categories:
        change = row.change_bytes
        told = grown_bytes if row.name == REST else 0
        if row.first is None or row.second is None or change is None or abs(change - told) < max(least, told // 4):
            continue
        if of_prediction:
            yield _missed(pool.pool, row, row.first, row.second, change)
        else:
            text = f"{row.name}: {format_bytes(row.first.expected)} before, {format_bytes(row.second.expected)} after"
            yield Reason(slug="part-changed", text=text, pool=pool.pool, effect_bytes=change)


def _missed(pool: str, row: Row, predicted: ByteRange, measured: ByteRange, change: int) -> Reason:
    """One part that was predicted otherwise than it was measured."""
    within = "within" if predicted.low <= measured.expected <= predicted.high else "outside"
    sizes = f"{format_bytes(measured.expected)}, predicted {format_bytes(predicted.expected)} ({within} its range)"
    on_host, first_name = pool.endswith("host"), row.name.partition(" + ")[0]
    if row.name == Category.LOADER.value:
        text = f"other processes of the job held {sizes}"
        return Reason(slug="worker-processes", text=text, pool=pool, effect_bytes=change)
    if first_name == Category.FRAMEWORK.value and on_host:
        together = f" ({row.name} together)" if " + " in row.name else ""
        text = f"before its first iteration the process held{together} {sizes}"
        return Reason(slug="process-before-first-step", text=text, pool=pool, effect_bytes=change)
    if first_name == Category.FRAMEWORK.value:
        text = f"beside the allocator (context, libraries) the process held {sizes}"
        return Reason(slug="device-context", text=text, pool=pool, effect_bytes=change)
    if row.name == Category.FRAGMENTATION.value:
        text = f"the allocator kept beyond live tensors {sizes}"
        return Reason(slug="allocator-retention", text=text, pool=pool, effect_bytes=change)
    if row.name == REST and on_host and Category.FRAMEWORK.value not in row.note:
        text = (
            f"{row.note}: {sizes}; tensors are traced one by one, so what differs is mostly what malloc keeps of "
            "freed blocks, and kernels' scratch"
        )
        return Reason(slug="allocator-retention", text=text, pool=pool, effect_bytes=change)
    name = f"{row.name} ({row.note})" if row.note else row.name
    return Reason(slug="part-differs", text=f"{name}: {sizes}", pool=pool, effect_bytes=change)
