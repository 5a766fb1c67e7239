"""From what a simulation saw to the estimate document. Knows no framework: every one hands over an Observation."""

from memfit.estimating.assemble import ProcessReading, assemble
from memfit.estimating.host_pool import CUDA_HOST_SOURCE
from memfit.estimating.learnt import Learnt, allocator_subject, script_name, told
from memfit.estimating.node import node_estimate, same_needs
from memfit.estimating.parts import exactly
from memfit.estimating.serving import serving

__all__ = [
    "CUDA_HOST_SOURCE",
    "Learnt",
    "ProcessReading",
    "allocator_subject",
    "assemble",
    "exactly",
    "node_estimate",
    "same_needs",
    "script_name",
    "serving",
    "told",
]
