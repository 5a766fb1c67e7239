"""A user's job in a process of its own: what it does there cannot hurt the caller, and it may end when it likes."""

from memfit.jobs.launch import Progress, run_job
from memfit.jobs.request import Request

__all__ = ["Progress", "Request", "run_job"]
