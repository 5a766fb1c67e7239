"""From what a simulation saw to the estimate document. Knows no framework: every one hands over an Observation."""

from memfit.estimating.assemble import ProcessReading, assemble
from memfit.estimating.host_pool import CUDA_HOST_SOURCE
from memfit.estimating.learnt import Learnt, allocator_subject, script_name, told

__all__ = ["CUDA_HOST_SOURCE", "Learnt", "ProcessReading", "allocator_subject", "assemble", "script_name", "told"]
