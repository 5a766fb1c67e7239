"""The NVIDIA devices that a job sees, read again and again: what is used on each, and by the job's own processes.

The driver's library is opened once and no context is made. Inside a container the driver names processes by numbers of
the host: then a job's share is told by what was added since the watch began, and ``apart`` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUse:
    """One device at one moment, in bytes.

    Args:
        pool: "cuda:0", by the job's own numbering.
        name: the product's name.
        total_bytes: its memory.
        used_bytes: by everybody.
        job_bytes: by the job.
    """

    pool: str
    name: str
    total_bytes: int
    used_bytes: int
    job_bytes: int


class DeviceWatch:
    """The devices that are visible to a job.

    Args:
        environment: the job's; CUDA_VISIBLE_DEVICES hides and orders devices.
        nvml: the pynvml module, or one like it; by default it is imported here.

    Attributes:
        problem: why there is nothing to read; "" when there is.
    """

    def __init__(self, environment: Mapping[str, str], nvml: Any = None) -> None:
        self.problem = ""
        self._guessed = False
        self._handles: list[Any] = []
        self._before: dict[int, int] = {}
        self._seen = False
        try:
            self._nvml = nvml or _import()
            self._nvml.nvmlInit()
        except ImportError:
            self.problem = "nvidia-ml-py is not installed: pip install nvidia-ml-py"
            return
        except Exception as error:  # the library's own error class is known only once it is there
            self.problem = f"no NVIDIA driver ({error})"
            return
        self._open(environment)

    @property
    def apart(self) -> bool:
        """Whether the driver told the job's processes from others', once they were there."""
        return self._seen or not self._guessed

    def read(self, pids: Collection[int]) -> list[DeviceUse]:
        """What is used now.

        Args:
            pids: the job's processes.
        """
        found = []
        for index, handle in enumerate(self._handles):
            try:
                memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
                name = self._nvml.nvmlDeviceGetName(handle)
            except self._nvml.NVMLError:
                continue
            used = int(memory.used)
            before = self._before.setdefault(index, used)
            found.append(
                DeviceUse(
                    pool=f"cuda:{index}",
                    name=name.decode() if isinstance(name, bytes) else str(name),
                    total_bytes=int(memory.total),
                    used_bytes=used,
                    job_bytes=self._of_job(handle, pids, used, before),
                )
            )
        return found

    def close(self) -> None:
        """Let go of the driver."""
        if self._handles:
            self._nvml.nvmlShutdown()
            self._handles = []

    def _of_job(self, handle: Any, pids: Collection[int], used: int, before: int) -> int:
        told = self._processes(handle)
        own = [held for pid, held in told.items() if pid in pids and held is not None]
        if own:
            self._seen = True
            return sum(own)
        grown = max(0, used - before)
        if self._seen or (told and grown == 0):
            return 0
        self._guessed |= grown > 0
        return grown

    def _processes(self, handle: Any) -> dict[int, int | None]:
        try:
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        except self._nvml.NVMLError:
            return {}
        return {int(one.pid): None if one.usedGpuMemory is None else int(one.usedGpuMemory) for one in running}

    def _open(self, environment: Mapping[str, str]) -> None:
        try:
            count = self._nvml.nvmlDeviceGetCount()
            handles = [self._nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
            words = environment.get("CUDA_VISIBLE_DEVICES")
            self._handles = (
                handles if words is None else [h for w in words.split(",") if (h := self._named(w, handles))]
            )
        except self._nvml.NVMLError as error:
            self.problem = f"the NVIDIA driver does not answer: {error}"

    def _named(self, word: str, handles: list[Any]) -> Any:
        """The device of one word of CUDA_VISIBLE_DEVICES: a number, a UUID or its start, or a MIG instance's UUID."""
        word = word.strip()
        if word.isdigit():
            return handles[int(word)] if int(word) < len(handles) else None
        if word.startswith("MIG-"):
            return self._nvml.nvmlDeviceGetHandleByUUID(word.encode())
        for handle in handles:
            uuid = self._nvml.nvmlDeviceGetUUID(handle)
            if word and (uuid.decode() if isinstance(uuid, bytes) else str(uuid)).startswith(word):
                return handle
        return None


def _import() -> Any:
    import pynvml

    return pynvml
