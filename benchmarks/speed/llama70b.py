"""What estimating a Llama-70B-shaped training step costs, and whether the cost is linear in the layers (20, 40, 80).

python -m benchmarks.speed.llama70b
"""

from __future__ import annotations

import json

from benchmarks.speed.clock import estimated, keep

SCRIPT = "benchmarks/speed/llama70b_job.py"
LAYERS = (20, 40, 80)
STEPS = 2


def estimate(layers: int) -> dict[str, object]:
    """One fresh process: wall time, high-water mark, and what was predicted."""
    words = ["--steps", str(STEPS), "--on", "b200-180gb", SCRIPT, "--steps", str(STEPS), "--layers", str(layers)]
    run, document = estimated(words)
    if document is None:
        return {"layers": layers, "failure": run.errors.strip()[-300:]}
    device = next(pool for pool in document["pools"] if pool["pool"] != "host")
    return {
        "layers": layers,
        **run.times,
        "process_peak_bytes": run.peak_bytes,
        "cost": document["cost"],
        "device_allocated_peak_bytes": device["allocated_peak_bytes"],
        "parameters_bytes": device["breakdown_bytes"].get("parameters"),
    }


def main() -> None:
    rows = [estimate(layers) for layers in LAYERS]
    result: dict[str, object] = {"steps": STEPS, "rows": rows}
    seconds = {row["layers"]: float(str(row["process_cpu_seconds"])) for row in rows if "process_cpu_seconds" in row}
    if len(seconds) == len(LAYERS):
        first, second = seconds[40] - seconds[20], seconds[80] - seconds[40]
        result["cpu_seconds_per_layer"] = [round(first / 20, 4), round(second / 40, 4)]
    keep("llama70b", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
