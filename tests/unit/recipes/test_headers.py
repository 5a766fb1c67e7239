"""Headers of weights: in folders, and on a hub that is a stub on this machine and lies, drips and cuts short."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from memfit.datasets.opening import UnreadableData
from memfit.recipes import headers, naming

CONFIG = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2}
TENSORS = {"a.weight": ("BF16", [4, 8], 64), "b.weight": ("F8_E4M3", [10], 10), "b.scale": ("F32", [], 4)}


def safetensors(tensors=TENSORS, *, length=None, body=True):
    """A file's bytes; `length` is a lie about the header's."""
    told, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (kind, shape, size) in tensors.items():
        told[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(told).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + b"\0" * (at if body else 0)


def sharded(folder, files):
    folder.mkdir(exist_ok=True)
    weight_map = {f"t{number}": name for number, name in enumerate(files)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for name, data in files.items():
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


def test_one_file(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(safetensors())

    found = headers.of_folder(tmp_path)

    assert found.bytes_by_type == {"bfloat16": 64, "float8_e4m3fn": 10, "float32": 4}
    assert (found.bytes, found.files, found.first_type) == (78, 1, "bfloat16")
    assert found.told() == (
        "weights as stored: 78 bytes (64 in bfloat16, 10 in float8_e4m3fn, 4 in float32), 3 tensors in 1 file"
    )


def test_shards_are_read_once_each(tmp_path):
    folder = sharded(
        tmp_path,
        {"m-1.safetensors": safetensors(), "m-2.safetensors": safetensors({"c": ("F16", [8], 16)})},
    )
    assert headers.of_folder(folder).told().startswith("weights as stored: 94 bytes")


def test_a_folder_without_weights(tmp_path):
    assert headers.of_folder(tmp_path) is None
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert headers.of_folder(tmp_path) is None and headers.has_pickles(tmp_path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (safetensors(length=10 << 30), "outside the file"),
        (safetensors(length=0), "outside the file"),
        (b"abc", "outside the file"),
        (safetensors(body=False), "outside the file"),
        (struct.pack("<Q", 8) + b"not json", "no JSON"),
        (struct.pack("<Q", 2) + b"[]", "no object"),
        (safetensors({"a": ("BF16", [4, 8], 63)}), "not of the size"),
        (safetensors({"a": ("BF16", [-4], 8)}), "lies outside"),
        (safetensors({"a": ("BF16", "many", 8)}), "not described|lies outside"),
    ],
)
def test_headers_that_lie(tmp_path, data, said):
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(UnreadableData, match=said):
        headers.of_folder(tmp_path)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("{", "no index"),
        ("[]", "no index"),
        ('{"weight_map": {}}', "0 files"),
        ('{"weight_map": {"a": "../../etc/passwd"}}', "passwd"),
        ('{"weight_map": {"a": "/etc/passwd"}}', "passwd"),
        ('{"weight_map": {"a": 5}}', "5"),
        (json.dumps({"weight_map": {f"t{n}": f"m{n}" for n in range(2000)}}), "2,000 files"),
    ],
)
def test_indices_that_lie(tmp_path, index, said):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UnreadableData, match=said):
        headers.of_folder(tmp_path)


def test_a_shard_that_is_not_there_is_told_and_does_not_stop_the_estimate(tmp_path):
    folder = sharded(tmp_path / "m", {"m-1.safetensors": None})
    (folder / "config.json").write_text(json.dumps(CONFIG))

    _, weights, said = naming.with_weights(naming.find(str(folder)))

    assert weights is None and "m-1.safetensors" in said


def test_what_was_read_can_be_kept(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    found = headers.of_folder(tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()

    headers.lay_out(found, kept)

    assert headers.of_folder(kept) == found


LONG = safetensors({f"layer.{n}.weight": ("F16", [1], 2) for n in range(4000)})  # longer than the first read


class _Hub(BaseHTTPRequestHandler):
    """As the hub answers for weights, and as it should not."""

    protocol_version = "HTTP/1.1"

    def _send(self, status, body=b"", *, claim=None, **more):
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _ranged(self, data):
        start, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
        body = data[int(start) : int(end) + 1]
        told = f"bytes {start}-{int(start) + len(body) - 1}/{len(data)}"
        self._send(206, body, Content_Range=told)

    def _answer(self):
        name, _, rest = self.path.strip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        commit = {"X_Repo_Commit": "a" * 40, "ETag": f'"{abs(hash(name)):040x}"'}
        if file == "config.json":
            return self._send(200, json.dumps(CONFIG).encode(), **commit)
        what = name.partition("/")[2]
        single = file == "model.safetensors"
        if self.headers.get("Range") is None and what != "index":
            return self._send(400)  # nobody asks for the whole of it
        if what in ("whole", "token") and single:
            if what == "token" and self.headers.get("Authorization") != "Bearer hf_secret":
                return self._send(401, X_Error_Code="GatedRepo")
            return self._ranged(safetensors())
        if what == "long" and single:
            return self._ranged(LONG)
        if what == "sharded" and file == "model.safetensors.index.json":
            names = {f"t{n}": f"m-{n}.safetensors" for n in range(20)}
            return self._ranged(json.dumps({"weight_map": names}).encode())
        if what == "sharded" and not single:
            return self._ranged(safetensors({file: ("F16", [8], 16)}))
        if what == "lies" and single:
            return self._ranged(safetensors(length=10_000_000_000))
        if what == "cut" and single:
            return self._send(206, LONG[:50_000], Content_Range=f"bytes 0-49999/{len(LONG)}")
        if what == "moved" and single:
            return self._send(302, Location=self.path.replace("a/moved", "a/whole"))
        if what == "loop" and single:
            return self._send(302, Location=self.path)
        if what == "endless" and single:  # ignores the range: the whole file, which has no end
            self.send_response(200)
            self.send_header("Content-Length", str(10**13))
            self.end_headers()
            self.wfile.write(safetensors())
            piece = b"\0" * 65536
            while True:
                self.wfile.write(piece)
        if what == "drips" and single:
            self.send_response(206)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            for _ in range(300):
                self.wfile.write(b"\0")
                self.wfile.flush()
                time.sleep(0.1)
            return None
        if what == "broken" and single:
            return self._send(500, b"<html>")
        if what == "gated":
            return self._send(403, X_Error_Code="GatedRepo")
        return self._send(404, X_Error_Code="EntryNotFound")

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        try:
            self._answer()
        except OSError:
            self.close_connection = True  # the other side has heard enough

    def log_message(self, *_):
        pass


ASK = """
import json, sys, time
from memfit.recipes import headers, naming
headers._SECONDS = 3
told = {}
for name in sys.argv[1:]:
    began = time.monotonic()
    model, weights, said = naming.with_weights(naming.find("hf:" + name))
    told[name] = [weights and weights.bytes, weights and weights.files, said, time.monotonic() - began,
                  (headers.of_folder(model.folder) or weights) == weights]
print(json.dumps(told))
"""
NAMES = (
    "whole",
    "token",
    "long",
    "sharded",
    "lies",
    "cut",
    "moved",
    "loop",
    "endless",
    "drips",
    "broken",
    "gated",
    "none",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a real client was told by a stub of the hub, name by name."""
    pytest.importorskip("huggingface_hub")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("hub")
    environment = {
        **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_OFFLINE": "0",
        "HF_HUB_CACHE": str(folder / "cache"), "TMPDIR": str(folder), "HF_TOKEN": "hf_secret",
    }  # fmt: skip
    command = [sys.executable, "-c", ASK, *(f"a/{name}" for name in NAMES)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    server.shutdown()
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "size", "files"),
    [("whole", 78, 1), ("token", 78, 1), ("long", 8000, 1), ("sharded", 320, 20), ("moved", 78, 1)],
)
def test_headers_on_the_hub(told, name, size, files):
    found = told[f"a/{name}"]
    assert found[:3] == [size, files, ""]
    assert found[4], "the recipe finds what was read beside the configuration"


def test_a_server_that_ignores_ranges_is_left_after_the_header(told):
    assert told["a/endless"][0] == 78
    assert told["a/endless"][3] < 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lies", "10,000,000,000"),
        ("cut", "of its header came"),
        ("loop", "did not answer"),
        ("drips", "too slowly"),
        ("broken", "did not answer"),
        ("gated", "licence"),
        ("none", "without a model.safetensors.index.json"),
    ],
)
def test_what_went_wrong_on_the_hub_is_told(told, name, said):
    assert told[f"a/{name}"][0] is None
    assert said in told[f"a/{name}"][2]
    assert told[f"a/{name}"][3] < 20


def test_every_optimizer_has_its_states_where_only_weights_are_known():
    from memfit.api.by_headers import _STATES
    from memfit.recipes.wishes import OPTIMIZERS

    assert set(_STATES) == set(OPTIMIZERS)
