"""GGUF files by name: here, in parts, in the cache, on a hub that is a stub on this machine; their estimate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmarks.gguf.graphs import write
from benchmarks.gguf.models import MODELS, header

from memfit import advise, estimate
from memfit.datasets.formats.gguf_header import Header
from memfit.datasets.opening import UnreadableData
from memfit.errors import UsageError
from memfit.llamacpp import finding
from memfit.quantities import Verdict

SMALL = MODELS["llama-3.2-1b"]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def parts(folder: Path) -> Path:
    """A model in two files, the second with the last tensors."""
    told = header(SMALL, "Q8_0", 2)
    names = list(told.tensors)
    for number, own in ((1, names[:5]), (2, names[5:])):
        half = Header(values=told.values, tensors={name: told.tensors[name] for name in own})
        write(half, SMALL, folder / f"m-0000{number}-of-00002.gguf")
    return folder / "m-00001-of-00002.gguf"


def test_a_file_and_what_it_weighs(tmp_path):
    told = header(SMALL, "Q8_0", 2)
    write(told, SMALL, tmp_path / "m.gguf")

    found, where = finding.find(str(tmp_path / "m.gguf"))

    assert found.tensors == told.tensors
    assert where.endswith("m.gguf")


def test_parts_are_read_together(tmp_path):
    assert finding.find(str(parts(tmp_path)))[0].tensors == header(SMALL, "Q8_0", 2).tensors


def test_a_part_that_is_missing_is_told(tmp_path):
    first = parts(tmp_path)
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(UnreadableData, match="00002-of-00002"):
        finding.find(str(first))


def test_the_cache_is_asked_first(tmp_path):
    folder = tmp_path / "hub" / "models--a--x-GGUF" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    write(header(SMALL, "Q8_0", 2), SMALL, folder / "x-Q8_0.gguf")
    for name in ("hf:a/x-GGUF:q8_0", "hf:a/x-GGUF/x-Q8_0.gguf"):
        assert "cache" in finding.find(name)[1]
    with pytest.raises(UsageError, match="x-Q8_0"):
        finding.find("hf:a/x-GGUF")


def test_offline_is_told():
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE") as error:
        finding.find("hf:a/y-GGUF:Q8_0")
    assert error.value.slug == "no-model"


class _Hub(BaseHTTPRequestHandler):
    data = b""
    sent = 0

    def do_GET(self):
        if self.path.startswith("/api/models/a/x-GGUF"):
            files = [{"rfilename": name} for name in ("README.md", "x-Q4_K_M.gguf", "x-Q8_0.gguf")]
            return self._send(200, json.dumps({"id": "a/x-GGUF", "modelId": "a/x-GGUF", "siblings": files}).encode())
        if self.path == "/a/x-GGUF/resolve/main/x-Q8_0.gguf":
            start, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
            body = self.data[int(start) : int(end) + 1]
            _Hub.sent += len(body)
            return self._send(206, body, f"bytes {start}-{end}/{len(self.data)}")
        return self._send(404, b"")

    def _send(self, status, body, part=""):
        self.send_response(status)
        if part:
            self.send_header("Content-Range", part)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_hub_on_this_machine(tmp_path):
    pytest.importorskip("huggingface_hub")
    write(header(SMALL, "Q8_0", 2), SMALL, tmp_path / "m.gguf")
    _Hub.data = (tmp_path / "m.gguf").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "import sys; from memfit.llamacpp.finding import find; from memfit.errors import UsageError\n"
        "for name in sys.argv[1:]:\n"
        "    try: found, where = find(name); print(len(found.tensors), where)\n"
        "    except UsageError as error: print(error.message)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_OFFLINE": "0"}
    names = ["hf:a/x-GGUF:Q8_0", "hf:a/x-GGUF:Q2_K", "hf:a/y-GGUF"]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], env=environment, capture_output=True, text=True, timeout=60
    )
    server.shutdown()

    assert "20 the hub, a/x-GGUF/x-Q8_0.gguf" in done.stdout, done.stderr[-800:]
    assert "no Q2_K; it has x-Q4_K_M.gguf" in done.stdout
    assert "no such model" in done.stdout
    assert _Hub.sent < len(_Hub.data) / 10


def test_the_estimate_of_a_file(tmp_path):
    told = header(SMALL, "Q8_0", 2)
    write(told, SMALL, tmp_path / "m.gguf")

    found = estimate(str(tmp_path / "m.gguf"), ["--serve", "--context", "8k", "--concurrent", "2"], on="rtx4090-24gb")

    device = found.pool("cuda:0").breakdown_bytes
    assert device["parameters"] == sum(tensor.bytes for tensor in told.tensors.values())  # its embeddings twice
    assert device["cache"] == 2 * 8192 * 2 * 2 * 512 * 2
    assert found.pool("host").breakdown_bytes["parameters"] == told.tensors["token_embd.weight"].bytes
    assert found.verdict is Verdict.FITS
    assert {"by-llama-cpp", "llama-cpp-version"} <= {each.slug for each in found.assumptions}


def test_without_a_device_all_is_on_the_host(tmp_path):
    write(header(SMALL, "Q8_0", 2), SMALL, tmp_path / "m.gguf")
    found = estimate(str(tmp_path / "m.gguf"), ["--context", "8k"], on="cpu")
    assert [pool.pool for pool in found.pools] == ["host"]


def test_several_devices_are_refused(tmp_path):
    with pytest.raises(UsageError, match="one device"):
        estimate(str(tmp_path / "m.gguf"), [], on="2xrtx4090-24gb")


def test_the_machine_may_stand_behind_the_name(tmp_path):
    write(header(SMALL, "Q8_0", 2), SMALL, tmp_path / "m.gguf")
    words = ["--context", "8k", "--on", "rtx4090-24gb"]
    found = estimate(str(tmp_path / "m.gguf"), words)
    assert (found.machine.name, found.target["arguments"]) == ("rtx4090-24gb", ["--context", "8k"])
    with pytest.raises(UsageError, match="one device"):
        estimate(str(tmp_path / "m.gguf"), [*words, "--ranks", "2"])


def test_no_change_of_a_gguf_model_is_looked_for(tmp_path):
    with pytest.raises(UsageError, match=r"llama\.cpp") as told:
        advise(str(tmp_path / "model.gguf"), ["--serve"], on="rtx4090-24gb")
    assert told.value.slug == "no-advice"
