"""The recorder: takes readings of a process tree and its machine by the clock, and writes what it sees as it goes.

Clock, tree, devices and file come from outside. ``tick`` does what is due; between ticks the caller sleeps.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from memfit.documents import JobState, LimitUse
from memfit.quantities import MIB, format_bytes
from memfit.recording.samples import Samples
from memfit.recording.spool import Spool
from memfit.recording.warning import Watchman
from memfit.recording.writer import Writer
from memfit.sensors.container import control_groups
from memfit.sensors.device_watch import DeviceUse, DeviceWatch
from memfit.sensors.host import parse_meminfo, process_limits
from memfit.sensors.kills import KillWatch
from memfit.sensors.linux import read
from memfit.sensors.mappings import mappings
from memfit.sensors.pressure import shared_memory, stalled_us
from memfit.sensors.schedule import SHARE, Clock, Schedule
from memfit.sensors.tree import Member, ProcessTree

INTERVAL_S = 0.1
_COARSEST_WINDOW_S = 0.5  # and 0.4 s to the next flush: no death costs more than a second
_LISTED_PROCESSES = 64  # beyond it a process has no curve of its own, only its line and its share of the sum
_LISTED_EVER = 2_000  # a loader may start new workers every epoch
# The costliest reading says most of several processes: how much their workers copy shows in it alone. What has to be
# handed over is the same however seldom it is done.
_SHARES = {"shares": 0.004, "spool": math.inf, "flush": math.inf}
_MAPPINGS_S = 10.0
_MAPPED_PROCESSES = 4
_MAPPED_FILES = 8
_PAUSED_S = 10.0
_JUMP_S = 5.0

STALLS = {"memory": "stalled_us", "cpu": "stalled_cpu_us", "io": "stalled_io_us"}  # the series of each wait


class Recorder:
    """Records until ``finish``.

    Args:
        writer: takes the items.
        tree: the job's processes.
        clock: the time.
        interval_s: between readings of the resident sizes; the others follow at their own pace.
        devices: the accelerators; None where there are none to look at.
        spool: what the job's processes mark; None when they do not.
        watchmen: say when a limit is near.
        root: where /proc and /sys are found.
        observe: called about once a second with the state.

    Attributes:
        kills: what the kernel killed for memory meanwhile.
        failure: why it records no more; empty while it does.
    """

    def __init__(
        self,
        writer: Writer,
        tree: ProcessTree,
        clock: Clock,
        *,
        interval_s: float = INTERVAL_S,
        devices: DeviceWatch | None = None,
        spool: Spool | None = None,
        watchmen: Sequence[Watchman] = (),
        root: Path = Path("/"),
        observe: Callable[[JobState], None] | None = None,
    ) -> None:
        self.writer, self.tree, self.clock, self.spool = writer, tree, clock, spool
        self.started_s = clock.monotonic()
        self.failure = ""
        self._root = root
        self._devices, self._watchmen, self._observe = devices, watchmen, observe
        self._samples = Samples(writer.add)
        self._members: dict[tuple[int, int], tuple[Member, float]] = {}
        self._roles: dict[int, tuple[str, int | None]] = {}
        self.kills = KillWatch(root)
        self._listed: set[int] = set()
        self._spool_gone = False
        self._removed = 0
        self._spikes: dict[tuple[int, int], int] = {}
        self._highest_mark = 0
        self._thinned = 0
        self._disk_full = False
        self._uses: tuple[LimitUse, ...] = ()
        self._own_limits = [one for one in process_limits() if one.name == "address space limit"]
        self._rate: tuple[float, int, float | None] = (0.0, 0, None)
        self._last_tick_s = self.started_s
        self._wall_s = clock.time() - clock.monotonic()
        self._schedule = Schedule(clock=clock)
        for period_s, name, take in (
            (5 * interval_s, "processes", self._discover),
            (5 * interval_s, "peaks", self._read_peaks),
            (1.0, "shares", self._read_shares),
            (interval_s, "resident", self._read_resident),
            (1.0, "machine", self._read_machine),
            (5 * interval_s, "devices", self._read_devices),
            (0.25, "spool", self._drain),
            (1.0, "observe", self._tell),
            (_MAPPINGS_S, "mappings", self._read_mappings),
            (0.4, "flush", self._flush),
        ):
            self._schedule.every(period_s, name, take, share=_SHARES.get(name, SHARE))

    def tick(self) -> None:
        """Take all readings that are due."""
        now = self.clock.monotonic()
        if now - self._last_tick_s > _PAUSED_S:
            self.event("recorder-paused", f"no samples for {now - self._last_tick_s:.0f} s: the recorder did not run")
        self._last_tick_s = now
        self._schedule.run_due()
        self._samples.tick(self._at(self.clock.monotonic()))

    @property
    def seconds(self) -> float:
        """Since the recording began."""
        return self._at(self.clock.monotonic())

    def pause_s(self) -> float:
        """How long the caller may sleep."""
        return self._schedule.pause_s()

    def event(self, slug: str, text: str, pid: int | None = None) -> None:
        """Write that something happened."""
        at = round(self._at(self.clock.monotonic()), 3)
        self.writer.add({"k": "e", "slug": slug, "t": at, "pid": pid, "text": text})

    def finish(self, how: str, *, exit_code: int | None = None, signal: int | None = None, text: str = "") -> None:
        """Read what is left and close the file; see memfit.documents.Ending for the arguments."""
        now = self.clock.monotonic()
        self._drain(now)
        at = round(self._at(now), 3)
        self._write_marks(() if self.spool is None else self.spool.open_phases(at))
        for member, since in self._members.values():
            self._write_process(member, since, end_s=at)
        if self._devices is not None and not self._devices.apart:
            text_apart = (
                "the driver does not tell the job's processes apart: device use is what was added since the start"
            )
            self.writer.add({"k": "note", "text": text_apart})
        unread = sorted({member.name for member, _ in self._members.values() if not member.may_be_read})
        if unread:
            self.writer.add({"k": "note", "text": f"no permission to read the shares of {', '.join(unread[:5])}"})
        if self.writer.lost_lines:
            self.event("samples-lost", f"{self.writer.lost_lines} lines were lost to a full disk")
        self._samples.close(at)
        end = {"k": "end", "t": at, "how": how, "exit_code": exit_code, "signal": signal, "text": text}
        self.writer.close(end)
        if self._devices is not None:
            self._devices.close()

    def peaks(self) -> dict[str, int]:
        """The highest that the job held in each pool so far, in bytes."""
        found = {
            pool: peak for (pool, scope, name), peak in self._samples.highest.items()
            if scope == "job" and name in ("held", "used")
        }  # fmt: skip
        marks = [peak for member, _ in self._members.values() if (peak := member.peak_rss_bytes) is not None]
        if marks or self._highest_mark:
            found["host"] = max(found.get("host", 0), self._highest_mark, *marks)
        return found

    # -- readings --------------------------------------------------------------------------------------------------

    def _at(self, now: float) -> float:
        return now - self.started_s

    def _discover(self, now: float) -> None:
        new, gone = self.tree.discover()
        at = round(self._at(now), 3)
        for member in new:
            _, since = self._members.get((member.pid, member.start), (member, at))
            self._members[member.pid, member.start] = (member, since)
            self._write_process(member, since)
            self.tree.read_shares(member)
        for member in gone:
            _, since = self._members.pop((member.pid, member.start), (member, at))
            self._write_process(member, since, end_s=at)
        if (new or gone) and len(self.tree.members) > 1:
            self._schedule.hasten("shares")  # who comes or goes changes what the others are charged with

    def _write_process(self, member: Member, since: float, end_s: float | None = None) -> None:
        role, rank = self._roles.get(member.pid, ("", None))
        told = self.spool.ends.get(member.pid) if self.spool is not None else None
        peaks = [peak for peak in (member.peak_rss_bytes, told) if peak is not None]
        self._highest_mark = max(self._highest_mark, *peaks, 0)
        self.writer.add(
            {
                "k": "proc", "pid": member.pid, "parent": member.parent, "name": member.name, "command": member.command,
                "role": role, "rank": rank, "t0": since, "t1": end_s, "peak": max(peaks, default=None),
            }
        )  # fmt: skip

    def _read_peaks(self, now: float) -> None:
        """A high-water mark above all that was sampled is a spike between samples: it belongs to this window."""
        before = {key: max(member.peak_rss_bytes or 0, member.rss_bytes) for key, member in self.tree.members.items()}
        self.tree.read_peaks()
        for key, member in self.tree.members.items():
            if before[key] and (member.peak_rss_bytes or 0) > before[key]:
                self._spikes[key] = member.peak_rss_bytes or 0

    def _read_resident(self, now: float) -> None:
        self.tree.read_quickly()
        members = self.tree.members
        if not members:
            return
        held = sum(member.held_bytes for member in members.values())
        high = sum(member.held_at(max(member.rss_bytes, self._spikes.get(key, 0))) for key, member in members.items())
        self._add("host", "held", held, high=high)
        self._add("host", "rss", sum(member.rss_bytes for member in members.values()))
        self._spikes = {}

    def _read_shares(self, now: float) -> None:
        members = list(self.tree.members.values())
        for member in members:
            if member.may_be_read:
                self.tree.read_shares(member)
        names = sorted({name for member in members for name in member.shares})
        for name in names:
            self._add("host", name, sum(member.shares.get(name, 0) for member in members))
        for member in self._with_a_curve(members):
            scope = f"process:{member.pid}"
            self._samples.add("host", scope, "rss", member.rss_bytes)
            for name in ("pss", "uss"):
                if name in member.shares:
                    self._samples.add("host", scope, name, member.shares[name])

    def _with_a_curve(self, members: list[Member]) -> list[Member]:
        """The processes whose sizes are told one by one: of several, and not of ever new ones without end."""
        if len(members) < 2:
            return []
        if len(self._listed) < _LISTED_EVER:
            self._listed |= {member.pid for member in members[:_LISTED_PROCESSES]}
        return [member for member in members[:_LISTED_PROCESSES] if member.pid in self._listed]

    def _read_mappings(self, now: float) -> None:
        """Who has mapped what: memory-mapped data, shared memory; of the processes that hold most."""
        if now - self.started_s < _MAPPINGS_S / 2:
            return
        largest = sorted(self.tree.members.values(), key=lambda member: -member.held_bytes)[:_MAPPED_PROCESSES]
        for member in largest:
            held = [
                ["shared_memory" if one.shared else "mapped_file", one.name, one.share_bytes, 1, "", None]
                for one in mappings(member.pid, root=self._root)[:_MAPPED_FILES]
                if one.share_bytes >= MIB
            ]
            if held:
                at = round(self._at(now), 3)
                self.writer.add({"k": "h", "pid": member.pid, "t": at, "look": "mappings", "held": held})

    def _add(self, pool: str, name: str, value: int, *, high: int | None = None) -> None:
        self._samples.add(pool, "job", name, value, high=high)

    def _read_machine(self, now: float) -> None:
        samples, uses = self._samples, []
        if more := self.kills.look(now):
            self.event("oom-kill", f"the kernel killed {more} process{'es' if more > 1 else ''} here for memory")
        meminfo = read(self._root / "proc/meminfo")
        if meminfo is not None:
            total, available, swap_total, swap_free = parse_meminfo(meminfo)
            samples.add("host", "machine", "available", available)
            held = samples.latest.get(("host", "job", "held"), 0)
            samples.add("host", "machine", "others", max(0, total - available - held))
            if swap_total is not None and swap_free is not None:
                samples.add("host", "machine", "swap", swap_total - swap_free)
            uses.append(LimitUse(pool="host", name="RAM", used_bytes=total - available, limit_bytes=total))
        for group in control_groups(self._root):
            if group.usage_bytes is None or group.limit_bytes is None:
                continue
            samples.add("host", "container", "usage", group.usage_bytes)
            samples.add("host", "container", "reclaimable", group.reclaimable_bytes)
            used = max(0, group.usage_bytes - group.reclaimable_bytes)
            uses.append(LimitUse(pool="host", name="container limit", used_bytes=used, limit_bytes=group.limit_bytes))
            break
        if (shm := shared_memory(self._root)) is not None:
            samples.add("shm", "machine", "used", shm[0])
            uses.append(LimitUse(pool="shm", name="/dev/shm", used_bytes=shm[0], limit_bytes=shm[1]))
        for one in self._own_limits:
            largest = max((member.size_bytes for member in self.tree.members.values()), default=0)
            uses.append(LimitUse(pool="host", name=one.name, used_bytes=largest, limit_bytes=one.limit_bytes))
        for what, name in STALLS.items():
            if (stalled := stalled_us(self._root, what=what)) is not None:
                samples.add("host", "machine", name, stalled)
        self._uses = (*uses, *(use for use in self._uses if use.pool.startswith("cuda")))

    def _read_devices(self, now: float) -> None:
        if self._devices is None:
            return
        found: list[DeviceUse] = self._devices.read([member.pid for member in self.tree.members.values()])
        for device in found:
            self._add(device.pool, "used", device.job_bytes)
            self._samples.add(device.pool, "machine", "used", device.used_bytes)
        on_devices = [
            LimitUse(pool=one.pool, name=one.name, used_bytes=one.used_bytes, limit_bytes=one.total_bytes)
            for one in found
        ]
        self._uses = (*(use for use in self._uses if not use.pool.startswith("cuda")), *on_devices)

    def _drain(self, now: float) -> None:
        if self.spool is None:
            return
        self._write_marks(self.spool.drain())
        if self.spool.gone and not self._spool_gone:
            self._spool_gone = True
            self.event("marks-lost", f"{self.spool.folder} was removed: iterations and phases are missing from here on")
        if self.spool.roles != self._roles:
            changed = {pid for pid, role in self.spool.roles.items() if self._roles.get(pid) != role}
            self._roles = dict(self.spool.roles)
            for member, since in self._members.values():
                if member.pid in changed:
                    self._write_process(member, since)

    def _write_marks(self, items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            with contextlib.suppress(ValueError, RecursionError):  # no JSON: our own marks are never like that
                self.writer.add(item)

    def _tell(self, now: float) -> None:
        drift = self.clock.time() - self.clock.monotonic() - self._wall_s
        if abs(drift) > _JUMP_S:
            self.event("clock-jump", f"the machine's clock was set by {drift:+.0f} s; the recording keeps its own")
            self._wall_s += drift
        for watchman in self._watchmen:
            for text in watchman.look(self._uses):
                self.event(watchman.slug, text)
        if self._observe is not None:
            with contextlib.suppress(OSError, ValueError):  # whoever watched has closed the terminal
                self._observe(self.state())

    def state(self) -> JobState:
        """How the job stands."""
        latest = self._samples.latest
        now = self._at(self.clock.monotonic())
        seen = {} if self.spool is None else self.spool.now
        pid, mark = max(seen.items(), key=lambda item: float(item[1]["at_s"]), default=(0, None))
        return JobState(
            seconds=now,
            held_bytes={
                pool: value for (pool, scope, name), value in latest.items()
                if scope == "job" and name in ("held", "used")
            },
            uses=tuple(sorted(self._uses, key=lambda use: -use.share)),
            kinds={name: latest[key] for name in ("anonymous", "file", "shared", "swap")
                   if (key := ("host", "job", name)) in latest},
            processes=len(self.tree.members),
            unit=None if mark is None else mark["unit"],
            number=None if mark is None else mark["number"],
            rate=None if mark is None else self._iteration_rate(mark),
            phase=None if self.spool is None else self.spool.phase_of(pid),
            columns={} if mark is None else mark["columns"],
        )  # fmt: skip

    def _iteration_rate(self, mark: Mapping[str, Any]) -> float | None:
        before_s, before, rate = self._rate
        passed = mark["at_s"] - before_s
        if passed > 0.5 and mark["number"] > before:
            fresh = (mark["number"] - before) / passed
            rate = fresh if rate is None else 0.7 * rate + 0.3 * fresh
            self._rate = (mark["at_s"], mark["number"], rate if before else None)
        return rate

    def _flush(self, now: float) -> None:
        if self.writer.flush():
            if self._disk_full:
                self.event("disk-not-full", f"the disk takes data again; {self.writer.lost_lines} lines were lost")
            self._disk_full = False
        elif not self._disk_full:
            self._disk_full = True
            at = round(self._at(now), 3)
            text = (
                f"no room for the recording on its disk from here on ({format_bytes(self.writer.size_bytes)} written)"
            )
            event = {"k": "e", "slug": "disk-full", "t": at, "pid": None, "text": text}
            self.writer.last_words([event])
        if self.writer.removed > self._removed:
            self._removed = self.writer.removed
            self.event("recording-removed", f"the recording was removed; it was written anew, to {self.writer.path}")
        if self.writer.thinned > self._thinned:
            self._thinned = self.writer.thinned
            self._samples.window_s = min(_COARSEST_WINDOW_S, max(INTERVAL_S, 2 * self._samples.window_s))
