"""``memfit --help`` against a bare interpreter start, in turns, and that it loads no framework.

python -m benchmarks.speed.help
"""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.speed.clock import keep, timed

ROUNDS = 15
FRAMEWORKS = ("torch", "numpy", "tensorflow", "keras", "jax", "sklearn", "pandas", "xgboost", "lightgbm", "rich")
_LOADED = f"""
import sys
from memfit.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
print("LOADED", *[name for name in {FRAMEWORKS!r} if name in sys.modules])
"""


def main() -> None:
    bare, shown, imported = [], [], []
    for _ in range(ROUNDS):  # in turns, so that a busy machine is busy for all of them
        bare.append(timed([sys.executable, "-c", "pass"]).seconds)
        shown.append(timed([sys.executable, "-m", "memfit", "--help"]).seconds)
        imported.append(timed([sys.executable, "-c", "import memfit"]).seconds)
    probe = timed([sys.executable, "-c", _LOADED])
    loaded = probe.output.rsplit("LOADED", 1)[-1].split()
    result: dict[str, object] = {
        "rounds": ROUNDS,
        "interpreter_seconds": round(median(bare), 4),
        "help_seconds": round(median(shown), 4),
        "import_seconds": round(median(imported), 4),
        "help_over_interpreter": round(median(shown) / median(bare), 2),
        "import_over_interpreter": round(median(imported) / median(bare), 2),
        "frameworks_loaded": loaded,
    }
    keep("help", result)
    print(result)


if __name__ == "__main__":
    main()
