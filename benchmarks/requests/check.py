"""Gives the texts of `memfit request` to the programs they are for: python -m benchmarks.requests.check [--python PATH]

Slurm: a controller and a node of its own here (slurmctld, slurmd, munged, as root), the script submitted and held.
Docker: its client, against a socket that keeps what it asks a daemon for. Kubernetes: its published schemas
(kubernetes-validate) and its client's reader of quantities (kubernetes); Ray: its own decorator; PATH has these three
packages. systemd: `systemd-analyze verify`. What is not installed is left out. Each is shown a wrong text too, which it
has to refuse. Written to `data/checked.json`; `benchmarks.requests.page` shows it.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memfit.advice.requests import Need, resource_request
from memfit.quantities import GIB, MIB

DATA = Path(__file__).parent / "data" / "checked.json"
NEED = Need(host_bytes=3 * GIB + 1, devices=2, device="h100-80gb", device_bytes=60 * GIB, shm_bytes=300 * MIB)
ASKED_BYTES = 3073 * MIB  # what all of them should read: the need, rounded up


def _text(system: str) -> str:
    return "\n".join(resource_request(NEED, system).lines) + "\n"


def _run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, **options)


def _version(*words: str) -> str:
    found = re.search(r"\d+(\.\d+)+", _run(*words).stdout)
    return found.group() if found else ""


def slurm(python: str) -> dict[str, Any]:
    """Submit it, and ask the controller what it read."""
    with tempfile.TemporaryDirectory() as name, _cluster(Path(name)) as environment:
        script = Path(name) / "job.sh"
        read = []
        for text in (_text("slurm"), _text("slurm").replace("M\n", "X\n")):
            script.write_text(f"#!/bin/bash\n{text}true\n", encoding="utf-8")
            said = _run("sbatch", "--hold", str(script), env=environment, cwd=name)
            number = said.stdout.split()[-1] if said.stdout else ""
            read.append(_run("scontrol", "-o", "show", "job", number, env=environment).stdout if number else "")
    memory = re.search(r"MinMemoryNode=(\d+)M", read[0])
    devices = re.search(r"TresPerNode=gres:gpu:(\d+)", read[0])
    return {
        "version": _version("slurmctld", "-V"),
        "host_bytes": int(memory.group(1)) * MIB if memory else None,
        "devices": int(devices.group(1)) if devices else None,
        "refuses": not read[1],
    }


@contextmanager
def _cluster(folder: Path) -> Iterator[dict[str, str]]:
    """A controller and one node with two devices that are files."""
    host = os.uname().nodename.partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    for number in (0, 1):
        (folder / f"device{number}").touch()
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File={folder}/device[0-1]\n", encoding="utf-8")
    (folder / "slurm.conf").write_text(
        f"ClusterName=test\nSlurmctldHost={host}\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\n"
        f"StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool\nSlurmctldPidFile={folder}/ctld.pid\n"
        f"SlurmdPidFile={folder}/d.pid\nSlurmctldLogFile={folder}/ctld.log\nSlurmdLogFile={folder}/d.log\n"
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n"
        "SelectTypeParameters=CR_Core_Memory\nGresTypes=gpu\n"
        f"NodeName={host} CPUs=1 RealMemory=8000 Gres=gpu:2 State=UNKNOWN\nPartitionName=all Nodes=ALL Default=YES\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    programs = [
        subprocess.Popen([name, "-D"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in ("slurmctld", "slurmd")
    ]
    try:
        until = time.monotonic() + 60
        while "idle" not in _run("sinfo", "-h", "-o", "%T", env=environment).stdout.split():
            if time.monotonic() > until:
                sys.exit("Slurm's node did not come up: is munged running?")
            time.sleep(1)
        yield environment
    finally:
        for each in reversed(programs):
            each.terminate()
            each.wait()


def docker(python: str) -> dict[str, Any]:
    """Let its client ask for a container, and keep what it asks for."""
    line = _text("docker").replace("IMAGE …", "busybox true").split()
    with tempfile.TemporaryDirectory() as name, _daemon(Path(name) / "docker.sock") as (address, asked):
        _run(line[0], "--host", address, *line[1:])
        wrong = _run(line[0], "--host", address, *[word.replace("3073m", "3073x") for word in line[1:]])
    told = asked[0]["HostConfig"] if asked else {}
    same = told.get("Memory") == told.get("MemorySwap")
    return {
        "version": _version("docker", "--version"),
        "host_bytes": told.get("Memory") if same else None,
        "shm_bytes": told.get("ShmSize"),
        "devices": sum(each["Count"] for each in told.get("DeviceRequests") or ()),
        "refuses": wrong.returncode != 0 and len(asked) == 1,
    }


@contextmanager
def _daemon(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A socket that answers as a daemon does until a container is asked for."""
    asked: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "local"

        def log_message(self, *words: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(200, b"")

        def do_GET(self) -> None:
            self._answer(200, b"OK" if self.path.endswith("_ping") else b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "containers/create" in self.path:
                asked.append(json.loads(body))
            self._answer(500, b'{"message": "kept"}')

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Api-Version", "1.47")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{path}", asked
        server.shutdown()


def systemd(python: str) -> dict[str, Any]:
    """Its options as a unit's settings, read by its own verifier."""
    settings = re.findall(r"-p (\w+=\S+)", _text("systemd"))

    def complaints(wanted: list[str]) -> str:
        with tempfile.TemporaryDirectory() as name:
            unit = Path(name) / "job.service"
            unit.write_text("[Service]\nExecStart=/bin/true\n" + "\n".join(wanted) + "\n", encoding="utf-8")
            return _run("systemd-analyze", "verify", str(unit)).stderr

    size = next((re.search(r"(\d+)M$", each) for each in settings if each.startswith("MemoryMax")), None)
    accepted = not complaints(settings)
    return {
        "version": _run("systemd-analyze", "--version").stdout.split()[1],
        "host_bytes": int(size.group(1)) * MIB if size and accepted else None,
        "refuses": bool(complaints(["MemoryMax=3073X"])),
    }


_KUBERNETES = """
import json, sys, importlib.metadata as m, yaml, kubernetes_validate
from kubernetes.utils.quantity import parse_quantity
def pod(text):
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job"}, "spec": {"containers": [
        {"name": "job", "image": "job", **yaml.safe_load(text)}]}}
    kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    return made["spec"]["containers"][0]["resources"]
text = sys.stdin.read()
told = pod(text)
try:
    parse_quantity(pod(text.replace("Mi", "Mx"))["limits"]["memory"]); refuses = False
except Exception: refuses = True
same = told["requests"] == told["limits"]
print(json.dumps({"version": f"schemas of {kubernetes_validate.latest_version()}, client {m.version('kubernetes')}",
    "host_bytes": int(parse_quantity(told["limits"]["memory"])) if same else None,
    "devices": told["limits"]["nvidia.com/gpu"], "refuses": refuses}))
"""
_RAY = """
import json, sys, ray
text = sys.stdin.read()
scope = {"ray": ray}
exec(text + "def job(): pass", scope)
told = scope["job"]._default_options
try:
    exec(text.replace("memory=", "memory=-") + "def wrong(): pass", scope); refuses = False
except ValueError: refuses = True
print(json.dumps({"version": ray.__version__, "host_bytes": told["memory"], "devices": told["num_gpus"],
    "refuses": refuses}))
"""


def _in_python(program: str, system: str) -> Callable[[str], dict[str, Any]]:
    def ask(python: str) -> dict[str, Any]:
        ran = _run(python, "-c", program, input=_text(system))
        if ran.returncode:
            sys.exit(f"{system}: {ran.stderr.strip().splitlines()[-1]}")
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return found

    return ask


SYSTEMS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "slurm": ("slurmctld", slurm),
    "kubernetes": ("", _in_python(_KUBERNETES, "kubernetes")),
    "ray": ("", _in_python(_RAY, "ray")),
    "docker": ("docker", docker),
    "systemd": ("systemd-analyze", systemd),
}


def main() -> None:
    """Ask all that are here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    python = parser.parse_args().python
    held = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    for name, (program, ask) in SYSTEMS.items():
        if program and shutil.which(program) is None:
            print(f"{name}: {program} is not installed")
            continue
        held[name] = {"text": _text(name), **ask(python)}
        print(name, {key: value for key, value in held[name].items() if key != "text"}, flush=True)
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
