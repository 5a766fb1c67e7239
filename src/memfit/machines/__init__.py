"""What machines there are: the catalogue of devices, and what a device holds that is no tensor."""

from memfit.machines.catalogue import all_devices
from memfit.machines.device import CPU, Device, MemoryBasis
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
from memfit.machines.workspaces import (
    cublas_workspace_bytes,
    cublaslt_workspace_bytes,
    lt_workspaces_stay,
    workspaces_stay,
)

__all__ = [
    "CPU",
    "ContextOverhead",
    "Device",
    "LearntConstant",
    "MemoryBasis",
    "all_devices",
    "best_match",
    "collectives_overhead",
    "cublas_workspace_bytes",
    "cublaslt_workspace_bytes",
    "device_overhead",
    "find",
    "learnt_to_json",
    "load_learnt",
    "lt_workspaces_stay",
    "parse_request",
    "store_learnt",
    "user_data_file",
    "with_reading",
    "workspaces_stay",
]
