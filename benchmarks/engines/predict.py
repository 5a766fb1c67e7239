"""What memfit says of every log: `python -m benchmarks.engines.predict --write` keeps what it first says of a row."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from memfit.api.by_engine import card_of
from memfit.machines import find
from memfit.quantities import GIB, ByteRange
from memfit.recipes.naming import known
from memfit.servers.decoder import Decoder, decoder
from memfit.servers.plan import Card, Job, Plan, refusal
from memfit.servers.starting import job_of, plan_of
from memfit.servers.version import Server, engine
from memfit.servers.wishes import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HERE = Path(__file__).parent
FIRST = _HERE / "predicted.json"
_NOTHING = ByteRange.exactly(0)


def logs() -> list[dict[str, Any]]:
    """The published rows."""
    found: list[dict[str, Any]] = tomllib.loads((_HERE / "logs.toml").read_text(encoding="utf-8"))["log"]
    return found


def model(name: str) -> Decoder:
    """A model of the logs."""
    return decoder(_configuration(name), name)


def _configuration(name: str) -> dict[str, Any]:
    own = tomllib.loads((_HERE / "models.toml").read_text(encoding="utf-8")).get(name)
    if own is None:
        return dict(known()[name]["config"])
    base = _configuration(own["like"]) if "like" in own else {}
    return {**base, **{key: value for key, value in own.items() if key != "like"}}


def planned(row: dict[str, Any]) -> tuple[Job, Plan]:
    """What is planned for one rank of a row."""
    told = row["settings"]
    settings = Settings(
        engine=engine(row["engine"], row["version"]),
        context=told["context"],
        dtype=told.get("dtype"),
        fraction=told.get("utilization", told.get("fraction")),
        seqs=told.get("seqs"),
        batched=told.get("batched"),
        cache_dtype=told.get("cache", "auto"),
        eager=told.get("eager", False),
        lora_rank=told.get("lora_rank", 0),
        loras=told.get("loras", 0),
    )
    job = job_of(model(row["model"]), settings, tensor=told.get("tp", 1), name=row["model"])
    return job, plan_of(job, _card(row))


def _card(row: dict[str, Any]) -> Card:
    told = row["settings"]
    device = find(row["card"])
    card = card_of(device, told.get("tp", 1))
    total = round(told["total"] * GIB) if "total" in told else card.total_bytes
    context, collectives = card.context, card.collectives
    if "before" in told:  # as SGLang prints it, with all that a process holds by then taken off
        context, collectives = ByteRange.exactly(max(total - round(told["before"] * GIB), 0)), _NOTHING
    capability = (7, 0) if told.get("v0") else (9, 0) if told.get("v1") else card.capability
    return Card(total_bytes=total, capability=capability, context=context, collectives=collectives, name=device.product)


def said(row: dict[str, Any]) -> dict[str, float]:
    """What memfit says of a row, by the names of its figures: GiB, tokens, requests; "low" and "high" with a name."""
    job, plan = planned(row)
    printed, context = row["printed"], job.context
    inside = job.settings.engine.since(0, 21) and job.settings.engine.server is Server.VLLM
    activations = ByteRange.total([plan.activations, plan.graphs]) if inside else plan.activations
    spans = {
        "weights": plan.weights,
        "activations": activations,
        "non_torch": plan.beside,
        "graphs": plan.graphs,
        "consumed": ByteRange.total([plan.weights, plan.beside]),
        "cache": plan.cache,
    }
    cache = plan.cache.expected
    given = printed.get("given")
    if "tokens" in row["settings"]:
        cache = row["settings"]["tokens"] * plan.pool.page_bytes // plan.pool.block
        spans["cache"] = ByteRange.exactly(cache)
    elif given == "cache":
        cache = round(printed["cache"] * GIB)
    elif given == "tokens":
        cache = printed["tokens"] * plan.pool.page_bytes // plan.pool.block
    told = {
        "tokens": plan.pool.tokens(cache, context),
        "concurrency": plan.pool.requests(cache, context),
        "refused": bool(refusal(plan, job)),
    }
    for name, span in spans.items():
        told |= {name: span.expected / GIB, f"{name} low": span.low / GIB, f"{name} high": span.high / GIB}
    judged = [name for name in printed if name != given]
    return {name: value for name, value in told.items() if name.partition(" ")[0] in judged}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--half", choices=("tuning", "judging", "fresh"))
    wanted = parser.parse_args()
    rows = [row for row in logs() if wanted.half in (None, row["half"])]
    told = {row["name"] + ", " + row["engine"]: said(row) for row in rows}
    if wanted.write:
        kept = json.loads(FIRST.read_text(encoding="utf-8"))
        FIRST.write_text(json.dumps({**told, **kept}, indent=1) + "\n", encoding="utf-8")
    else:
        for row in rows:
            of_row = told[row["name"] + ", " + row["engine"]]
            parts = []
            for name, seen in row["printed"].items():
                if name in of_row and not isinstance(seen, (bool, str)):
                    parts.append(f"{name} {seen:,} {of_row[name]:,.3f} ({of_row[name] / seen - 1:+.1%})")
            print(f"{row['name']} [{row['half']}]: " + "; ".join(parts))
