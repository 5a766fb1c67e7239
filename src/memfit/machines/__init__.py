"""What machines there are: the catalogues of devices and of whole machines, what fits where, what a context holds."""

from memfit.machines.catalogue import all_devices
from memfit.machines.device import CPU, Device, MemoryBasis, details
from memfit.machines.learnt import (
    LearntConstant,
    best_match,
    learnt_to_json,
    load_learnt,
    store_learnt,
    user_data_file,
    with_reading,
)
from memfit.machines.lookup import find, parse_request
from memfit.machines.overheads import ContextOverhead, collectives_overhead, device_overhead
from memfit.machines.placing import LITERT, MICRO, placements, runtime_of
from memfit.machines.whole import KEPT_SHARE, MICROCONTROLLER, PHONE, WholeMachine, all_machines, chosen
from memfit.machines.workspaces import (
    cublas_workspace_bytes,
    cublaslt_workspace_bytes,
    lt_workspaces_stay,
    workspaces_stay,
)

__all__ = [
    "CPU",
    "KEPT_SHARE",
    "LITERT",
    "MICRO",
    "MICROCONTROLLER",
    "PHONE",
    "ContextOverhead",
    "Device",
    "LearntConstant",
    "MemoryBasis",
    "WholeMachine",
    "all_devices",
    "all_machines",
    "best_match",
    "chosen",
    "collectives_overhead",
    "cublas_workspace_bytes",
    "cublaslt_workspace_bytes",
    "details",
    "device_overhead",
    "find",
    "learnt_to_json",
    "load_learnt",
    "lt_workspaces_stay",
    "parse_request",
    "placements",
    "runtime_of",
    "store_learnt",
    "user_data_file",
    "with_reading",
    "workspaces_stay",
]
