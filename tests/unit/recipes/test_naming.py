"""From a name to a configuration: folders, the cache, what comes along, and a hub that is a stub on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from memfit.errors import UsageError
from memfit.recipes import names, naming

GOOD = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2}


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def configured(folder, told):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(told if isinstance(told, str) else json.dumps(told))
    return folder


def test_a_folder(tmp_path):
    folder = configured(tmp_path / "mine", GOOD)
    assert names.is_model(str(folder))
    assert naming.find(str(folder)).folder == folder
    assert naming.find(f"hf:{folder}").folder == folder


def test_the_cache_comes_before_what_comes_along(tmp_path):
    name = "openai-community/gpt2"
    folder = configured(tmp_path / "hub" / "models--openai-community--gpt2" / "snapshots" / "abc", GOOD)
    found = naming.find(f"hf:{name}")
    assert (found.folder, found.found) == (folder, "the hub's cache on this machine")


def test_what_comes_along_is_whole():
    for name, told in naming.known().items():
        assert set(told) == {"parameters", "source", "config"}, name
        assert json.loads((naming.find(f"hf:{name}").folder / "config.json").read_text()) == told["config"]


def test_an_unknown_name_says_where_it_was_looked_for():
    with pytest.raises(UsageError, match=r"HF_HUB_OFFLINE.*none comes with memfit") as told:
        naming.find("hf:nobody/nothing")
    assert told.value.slug == "no-model"


@pytest.mark.parametrize("name", ["hf:", "hf:../../etc", "hf:a/b/c", "hf:a b"])
def test_what_is_no_name(name):
    with pytest.raises(UsageError, match="no model's name"):
        naming.find(name)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("{", "JSON"),
        ("[]", "model_type"),
        ({"hidden_size": 5}, "model_type"),
        ({**GOOD, "hidden_size": -1}, "hidden_size"),
        ({**GOOD, "vocab_size": 10**30}, "vocab_size"),
        ({**GOOD, "num_hidden_layers": "12"}, "num_hidden_layers"),
        ({**GOOD, "text_config": {"hidden_size": 1e300}}, "hidden_size"),
        ({**GOOD, "num_attention_heads": True}, "num_attention_heads"),
    ],
)
def test_configurations_that_lie(tmp_path, told, said):
    with pytest.raises(UsageError, match=said) as error:
        naming.find(str(configured(tmp_path / "bad", told)))
    assert error.value.slug == "bad-model"


class _Hub(BaseHTTPRequestHandler):
    """As the hub answers for a configuration: a HEAD with the commit, then the file; a gate; nothing; rubbish."""

    def _answer(self, whole: bool) -> None:
        body = json.dumps(GOOD).encode()
        name = self.path.split("/resolve/")[0].strip("/")
        if name == "an/open-model":
            self.send_response(200)
            self.send_header("ETag", '"0123456789abcdef0123456789abcdef01234567"')
            self.send_header("X-Repo-Commit", "a" * 40)
        elif name == "a/moved-model" and "moved" not in self.headers.get("X-Seen", ""):
            self.send_response(307)
            self.send_header("Location", self.path.replace("a/moved-model", "an/open-model"))
            body = b""
        elif name == "a/gated-model":
            self.send_response(403)
            self.send_header("X-Error-Code", "GatedRepo")
            body = b""
        elif name == "a/broken-model":
            self.send_response(500)
            body = b"<html>"
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if whole:
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._answer(whole=False)

    def do_GET(self) -> None:
        self._answer(whole=True)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("an/open-model", "the hub"),
        ("a/moved-model", "the hub"),
        ("a/gated-model", "licence"),
        ("a/missing-model", "no such model"),
        ("a/broken-model", "did not answer"),
    ],
)
def test_a_hub_on_this_machine(hub, tmp_path, name, said):
    pytest.importorskip("huggingface_hub")
    code = (
        "import sys, time; from memfit.recipes.naming import find\n"
        "time.sleep = lambda seconds: None\n"  # the library tries five times, and waits in between
        "from memfit.errors import UsageError\n"
        "try: print(find(sys.argv[1]).found)\n"
        "except UsageError as error: print(error.message)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, f"hf:{name}"], env=environment, capture_output=True, text=True, timeout=90
    )
    assert said in done.stdout, done.stderr[-500:]


def test_nobody_there(tmp_path):
    pytest.importorskip("huggingface_hub")
    code = "from memfit.recipes.naming import find; find('hf:a/model')"
    environment = {
        **os.environ,
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_CACHE": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert "cannot be reached" in done.stderr
