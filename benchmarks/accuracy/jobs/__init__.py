"""Ordinary PyTorch jobs that know nothing of memfit: ``JOBS`` by name, see ``registry``."""

from benchmarks.accuracy.jobs.registry import CPU_JOBS, HALVES, JOBS, Job

__all__ = ["CPU_JOBS", "HALVES", "JOBS", "Job"]
