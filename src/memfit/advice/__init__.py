"""What to change about a job: rules propose, estimates judge, a search puts together what fits. One rule a file.

    rules/         when a change applies, what it changes, what it costs, what to type
    setting.py     a way to run the job, a proposal, an outcome
    searching.py   the cheapest set of changes that fits
    batches.py     the largest batch that fits
    confirming.py  the same, judged by runs for real
    applying.py    a patch and settings for review
    requests.py    what to ask a scheduler or a container for

How a changed job is estimated is passed in.
"""

from memfit.advice.applying import Review, review
from memfit.advice.batches import largest_batch
from memfit.advice.confirming import SPREAD, SPREAD_OF_THRESHOLD, Runs
from memfit.advice.rules import HINTS, RULES, proposals
from memfit.advice.searching import Found, Wishes, search
from memfit.advice.setting import Estimator, Outcome, Proposal, Setting

__all__ = [
    "HINTS",
    "RULES",
    "SPREAD",
    "SPREAD_OF_THRESHOLD",
    "Estimator",
    "Found",
    "Outcome",
    "Proposal",
    "Review",
    "Runs",
    "Setting",
    "Wishes",
    "largest_batch",
    "proposals",
    "review",
    "search",
]
