"""Ordinary PyTorch jobs that know nothing of memfit: ``JOBS`` by name, see ``registry``."""

from benchmarks.accuracy.jobs.registry import HALVES, JOBS, Job

__all__ = ["HALVES", "JOBS", "Job"]
