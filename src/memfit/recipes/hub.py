"""Asks the hub, through huggingface_hub: one small file, or a few bytes of a large one.

The library's address, token, proxies and offline switch are its own. What comes back is bounded in bytes and in time,
whatever the other side says or does: a server may ignore the range, drip, redirect for ever, or lie about lengths.
"""

from __future__ import annotations

import importlib
import os
import re
import socket
import time
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 5
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_TOTAL = re.compile(r"bytes \d+-\d+/(\d{1,18})")
_WORDS = {
    "GatedRepoError": "the hub has it behind a licence (accept it there, then `hf auth login`)",
    "RepositoryNotFoundError": "the hub knows no such model, or it is private",
}


class NotRead(Exception):
    """Why nothing came, in words that follow a comma or stand in parentheses."""


class NoSuchFile(NotRead):
    """The hub has the model, without that file."""


class Part(NamedTuple):
    """A part of a file: its bytes, and the whole file's size where the other side told."""

    bytes: bytes
    size: int | None


def is_offline() -> bool:
    """Whether the user keeps the library from the network."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def library() -> Any:
    """huggingface_hub, when it may be asked and somebody is there.

    Raises:
        NotRead: it may not, it is not installed, or nobody answers.
    """
    if is_offline():
        raise NotRead("the hub was not asked (HF_HUB_OFFLINE)")
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ImportError as error:
        raise NotRead("the hub was not asked (pip install huggingface_hub)") from error
    if not any(os.environ.get(name) for name in _PROXIES):
        _reach(constants.ENDPOINT)
    return huggingface_hub


@lru_cache(maxsize=4)
def _reach(endpoint: str) -> None:
    """Somebody is there: the library tries five times, for half a minute, where there is no network."""
    there = urlsplit(endpoint)
    try:
        port = there.port or (80 if there.scheme == "http" else 443)
        socket.create_connection((there.hostname or "", port), timeout=SECONDS).close()
    except OSError as error:
        raise NotRead(f"{there.hostname} cannot be reached ({error.strerror or error})") from error


def small_file(name: str, file: str, revision: str | None = None) -> Path:
    """A small file of a model, through the library's cache.

    Raises:
        NotRead: why not.
    """
    hub = library()
    with _told(file):
        return Path(hub.hf_hub_download(name, file, revision=revision, etag_timeout=SECONDS))


def files(name: str) -> list[str]:
    """The names of a model's files.

    Raises:
        NotRead: why not.
    """
    hub = library()
    with _told("list of files"):
        return [each.rfilename for each in hub.HfApi().model_info(name, timeout=SECONDS).siblings or ()]


def part(name: str, file: str, start: int, count: int, *, until: float, revision: str | None = None) -> Part:
    """Bytes of a file that stays where it is.

    Args:
        name, file, revision: of the model; None is the newest.
        start, count: which bytes; fewer come where the file ends.
        until: time.monotonic() at which to give up.

    Raises:
        NotRead: why not.
    """
    hub = library()
    utils: Any = importlib.import_module("huggingface_hub.utils")

    wanted = {"Range": f"bytes={start}-{start + count - 1}", "Accept-Encoding": "identity"}
    headers = {**utils.build_hf_headers(), **wanted}
    address = hub.hf_hub_url(name, file, revision=revision)
    with _told(file), _opened(utils.get_session(), address, headers) as answer:
        utils.hf_raise_for_status(answer)
        if start and answer.status_code != 206:
            raise NotRead("the hub sends whole files where a part was asked for")
        pieces = answer.iter_raw() if hasattr(answer, "iter_raw") else answer.iter_content(None)  # as it comes
        found = bytearray()
        for piece in pieces:
            found += piece
            if len(found) >= count:
                break
            if time.monotonic() > until:
                raise NotRead("the hub answers too slowly")
        told = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
        size = int(told.group(1)) if told else _length(answer)
        return Part(bytes(found[:count]), size)


def _length(answer: Any) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if answer.status_code == 200 and text.isdigit() and len(text) < 19 else None


def _opened(session: Any, address: str, headers: dict[str, str]) -> AbstractContextManager[Any]:
    """An answer with its body not read yet; huggingface_hub speaks through httpx from 1.0 on, before by requests."""
    if hasattr(session, "stream"):
        opened: Any = session.stream("GET", address, headers=headers, follow_redirects=True, timeout=SECONDS)
        return opened  # type: ignore[no-any-return]
    return session.get(address, headers=headers, stream=True, timeout=SECONDS)  # type: ignore[no-any-return]


@contextmanager
def _told(file: str) -> Iterator[None]:
    """What the library raises, of many kinds by version, as words: no such model, a gate, a broken answer."""
    try:
        yield
    except (KeyboardInterrupt, NotRead):
        raise
    except Exception as error:
        kind = type(error).__name__
        if kind in ("EntryNotFoundError", "RemoteEntryNotFoundError"):
            raise NoSuchFile(f"the hub has it without a {file}") from error
        raise NotRead(_WORDS.get(kind, f"the hub did not answer ({kind})")) from error
