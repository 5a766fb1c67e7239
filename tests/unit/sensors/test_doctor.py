"""`memfit doctor`: the reading as JSON, the sentences about it, and how it looks."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from memfit.cli.main import main
from memfit.quantities import GIB, MIB
from memfit.reports import doctor
from memfit.sensors import ControlGroup, DeviceMemory, DeviceReading, HostMemory, MemoryLimit, ProcessMemory
from memfit.sensors.machine import MachineReading, to_json
from memfit.sensors.notable import notable

GROUP = ControlGroup(
    version=2,
    path="/pod",
    limit_bytes=8 * GIB,
    high_bytes=None,
    usage_bytes=GIB,
    reclaimable_bytes=0,
    swap_limit_bytes=None,
    oom_kills=3,
)
QUIET = MachineReading(
    host=HostMemory(
        total_bytes=64 * GIB,
        available_bytes=60 * GIB,
        swap_total_bytes=8 * GIB,
        swap_free_bytes=8 * GIB,
        overcommit=0,
        commit_limit_bytes=40 * GIB,
        limits=(MemoryLimit(name="RAM", limit_bytes=64 * GIB, others_bytes=4 * GIB),),
    ),
    largest=(
        ProcessMemory(
            pid=9,
            name="firefox",
            rss_bytes=2 * GIB,
            pss_bytes=GIB,
            uss_bytes=GIB,
            swap_bytes=0,
            peak_rss_bytes=None,
        ),
    ),
    devices=DeviceReading(devices=(), driver=None, problem="no NVIDIA driver"),
    settings={},
    allocator=None,
    libc="glibc 2.36",
    frameworks={"torch": "2.13.0"},
    python="3.11.7",
    system="Linux-6.1",
)
CARD = DeviceMemory(
    index=0,
    vendor="nvidia",
    name="NVIDIA L4",
    total_bytes=23034 * MIB,
    used_bytes=5 * GIB,
    reserved_bytes=471 * MIB,
    processes=((4711, 4 * GIB), (4712, None)),
)


def document(reading: MachineReading, **more: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "doctor",
        **to_json(reading),
        "learnt": [],
        "warnings": list(notable(reading)),
        **more,
    }


def drawn(found: dict[str, Any]) -> str:
    stream = io.StringIO()
    doctor.write(found, stream)
    return stream.getvalue()


def test_nothing_stands_out_on_a_quiet_machine() -> None:
    """No sentence where there is nothing to say."""
    assert notable(QUIET) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": (GROUP,)}, "the container may hold 8.00 GiB of the machine's 64.00 GiB"),
        ({"groups": (GROUP,)}, "has killed 3 process(es)"),
        ({"groups": (replace(GROUP, high_bytes=4 * GIB),)}, "slowed down, not killed, beyond 4.00 GiB"),
        ({"swap_total_bytes": 0, "swap_free_bytes": 0}, "no swap"),
        ({"swap_free_bytes": GIB}, "7.00 GiB of 8.00 GiB swap are in use"),
        ({"overcommit": 2}, "strict overcommit: promises end at 40.00 GiB"),
        ({"limits": (MemoryLimit(name="RAM", limit_bytes=8 * GIB, others_bytes=7 * GIB),)}, "others hold 7.00 GiB"),
        ({"limits": (MemoryLimit(name="address space limit", limit_bytes=GIB, others_bytes=0),)}, "(ulimit)"),
    ],
)
def test_what_the_host_warns_of(change: dict[str, Any], words: str) -> None:
    """Each circumstance that would surprise a job gets its sentence."""
    reading = replace(QUIET, host=replace(QUIET.host, **change))

    assert any(words in sentence for sentence in notable(reading))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": DeviceReading(devices=(CARD,), driver="580", problem="")}, "4.54 GiB are in use already"),
        ({"settings": {"PYTORCH_ALLOC_CONF": "a", "PYTORCH_CUDA_ALLOC_CONF": "b"}}, "are both set"),
        ({"settings": {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}}, "keeps no blocks"),
        ({"allocator": "jemalloc"}, "jemalloc stands in for malloc"),
        ({"libc": None}, "not glibc"),
    ],
)
def test_what_devices_and_settings_warn_of(change: dict[str, Any], words: str) -> None:
    """The same for what others hold of a device and for the environment."""
    assert any(words in sentence for sentence in notable(replace(QUIET, **change)))


def test_idle_device_is_no_news() -> None:
    """What the driver keeps for itself is not somebody's use."""
    idle = replace(CARD, used_bytes=600 * MIB)

    assert notable(replace(QUIET, devices=DeviceReading(devices=(idle,), driver="580", problem=""))) == ()


def test_report_shows_every_part() -> None:
    """Memory, who holds it, devices with their processes, settings, versions, constants and warnings are drawn."""
    reading = replace(
        QUIET,
        host=replace(
            QUIET.host,
            groups=(GROUP,),
            limits=(*QUIET.host.limits, MemoryLimit(name="container limit", limit_bytes=8 * GIB, others_bytes=GIB)),
        ),
        devices=DeviceReading(devices=(CARD,), driver="580.95", problem=""),
        settings={"MALLOC_ARENA_MAX": "2"},
    )
    learnt = {
        "kind": "context",
        "subject": "NVIDIA L4",
        "version": "2.6",
        "date": "2026-05-01",
        "low_bytes": 1,
        "expected_bytes": 231 * MIB,
        "high_bytes": 240 * MIB,
        "readings": 4,
    }

    page = " ".join(drawn(document(reading, learnt=[learnt])).split())

    for words in (
        "4.00 GiB of 64.00 GiB",
        "7.00 GiB of 8.00 GiB (container limit)",
        "firefox",
        "NVIDIA L4",
        "process 4711",
        "580.95",
        "MALLOC_ARENA_MAX",
        "2.13.0",
        "231 MiB",
        "! the kernel has killed 3",
    ):
        assert words in page


def test_report_of_a_bare_machine() -> None:
    """Sections without anything to show are left out or say none."""
    page = drawn(document(replace(QUIET, largest=(), frameworks={})))

    assert "no NVIDIA driver" in page
    assert "settings" not in page and "learnt" not in page


def test_names_from_outside_cannot_steer_the_terminal() -> None:
    """A process that calls itself an escape sequence is shown without it."""
    nasty = replace(QUIET.largest[0], name="x\x1b[2Jy")

    assert "\x1b" not in drawn(document(replace(QUIET, largest=(nasty,))))


def test_doctor_on_this_machine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb runs here: JSON that others can read, and a page."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")

    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["doctor"]) == 0

    assert (found["kind"], found["schema"]) == ("doctor", 1)
    assert found["host"]["total_bytes"] > 0
    assert found["settings"]["MALLOC_ARENA_MAX"] == "2"
    assert "for a job" in capsys.readouterr().out


def test_damaged_constants_are_told(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file of learnt constants ends in a message and exit code 1."""
    (tmp_path / "learnt.json").write_text("{")
    monkeypatch.setenv("MEMFIT_LEARNT", str(tmp_path / "learnt.json"))

    assert main(["doctor"]) == 1
    assert "learnt constants" in capsys.readouterr().err
