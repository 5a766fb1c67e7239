"""Puts the repository's root on the path: the replay against the real malloc is a benchmark, not installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
