"""A real browser, headless, driven over the WebDriver protocol with the standard library alone.

Needs chromium and chromedriver (Debian: `apt-get install chromium chromium-driver`); ``missing()`` says which is not.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_START_S = 30.0
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def missing() -> str:
    """What is not installed, in words; empty when a browser can be started."""
    if shutil.which("chromedriver") is None:
        return "chromedriver is not installed"
    return "" if _browser() else "chromium is not installed"


class Browser:
    """One window. A context manager; everything of it is gone afterwards.

    Args:
        width: of the window, in CSS pixels.
        height: of the window.
        dark: prefer dark colours.
    """

    def __init__(self, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        self._size, self._dark = (width, height), dark

    def __enter__(self) -> Browser:
        self._folder = tempfile.TemporaryDirectory(prefix="memfit-browser-", ignore_cleanup_errors=True)
        port = _free_port()
        self._at = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen(
            [str(shutil.which("chromedriver")), f"--port={port}", "--silent"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
            started = self._call("POST", "/session", self._wishes())
        except BaseException:
            self._end()
            raise
        self._version = str(started["capabilities"]["browserVersion"])
        self._session = f"/session/{started['sessionId']}"
        self.resize(*self._size)
        if self._dark:
            self.prefer("dark")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._end()

    @property
    def version(self) -> str:
        """The browser's own."""
        return self._version

    def open(self, page: Path) -> None:
        """Load a page and wait until it is there."""
        self._call("POST", f"{self._session}/url", {"url": page.as_uri()})

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page; what it returns comes back as plain values."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys: str) -> None:
        """Type keys into whatever has the focus."""
        steps = [{"type": way, "value": key} for key in keys for way in ("keyDown", "keyUp")]
        actions = {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]}
        self._call("POST", f"{self._session}/actions", actions)

    def drag(self, selector: str, start: float, end: float) -> None:
        """Press the mouse over an element at a share of its width, move to another, release."""
        self._point("mouse", selector, [(start, end)])

    def touch(self, selector: str, *ways: tuple[float, float]) -> None:
        """Put a finger for each way on an element at a share of its width, move it to another, lift it."""
        self._point("touch", selector, ways)

    def _point(self, kind: str, selector: str, ways: Sequence[tuple[float, float]]) -> None:
        box = self.ask(
            "const b = document.querySelector(arguments[0]); b.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = b.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]",
            selector,
        )
        y = round(box[1] + box[3] / 2)
        pointers = []
        for number, (start, end) in enumerate(ways):
            places = [round(box[0] + box[2] * share) for share in (start, (start + end) / 2, end)]
            moves = [{"type": "pointerMove", "duration": 50, "x": x, "y": y} for x in places]
            steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
            parameters = {"pointerType": kind}
            pointers.append({"type": "pointer", "id": f"{kind}{number}", "parameters": parameters, "actions": steps})
        self._call("POST", f"{self._session}/actions", {"actions": pointers})

    def prefer(self, scheme: str) -> None:
        """Tell pages that the user prefers "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def resize(self, width: int, height: int) -> None:
        """The window in CSS pixels, narrower than a window can be, as on a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def complaints(self) -> list[str]:
        """What the console said since last asked: errors, and what the page's own policy stopped."""
        return [entry["message"] for entry in self._call("POST", f"{self._session}/se/log", {"type": "browser"})]

    def asked_for(self) -> list[str]:
        """Addresses that the page loaded anything from, or tried to."""
        return list(self.ask("return performance.getEntriesByType('resource').map((entry) => entry.name)"))

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen, or the whole page, as PNG."""
        shot = self._devtools("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self, path: Path) -> None:
        """Save the page as it would be printed, as PDF."""
        path.write_bytes(base64.b64decode(self._devtools("Page.printToPDF", {"printBackground": True})["data"]))

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _wishes(self) -> dict[str, Any]:
        arguments = [*_FLAGS, f"--user-data-dir={self._folder.name}/profile"]
        options = {"args": arguments, "binary": _browser()}
        logging = {"browser": "ALL"}
        return {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": logging}}}

    def _wait(self) -> None:
        latest = time.monotonic() + _START_S
        while True:
            try:
                self._call("GET", "/status")
                return
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > latest:
                    raise
                time.sleep(0.1)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._at + path, data, {"Content-Type": "application/json"}, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=120) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.loads(error.read())["value"]["message"]) from None

    def _end(self) -> None:
        self._driver.terminate()
        self._driver.wait(timeout=20)
        self._folder.cleanup()


def _browser() -> str | None:
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
