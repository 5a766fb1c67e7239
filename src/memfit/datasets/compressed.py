"""Compressed files: a bounded prefix, and how large the whole is. A bomb costs no more than any other file."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any, BinaryIO

from memfit.datasets.opening import DataReaderMissing, UnreadableData, missing
from memfit.documents.data import Count
from memfit.quantities import Basis

PREFIX_BYTES = 4 << 20  # of what comes out
_READ_BYTES = 64 << 10
_LARGEST_INPUT_BYTES = 32 << 20  # of what goes in: a file of nothing but headers gives nothing
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
# Further on in a file the ratio differs from its head's: on the measured files by up to a tenth.
_RATIO_SPREAD = 0.25
_GZIP_PLAUSIBLE = (
    0.4,
    2.5,
)  # of what the prefix suggests; the trailer's length is modulo 4 GiB, and of the last member


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """The head of a compressed file.

    Args:
        data: at most `PREFIX_BYTES`.
        total: the size of all of it when decompressed.
        whole: `data` is all of it.
        form: "gzip", "bzip2", "xz" or "zstd".
        damaged: what went wrong within it; "" for nothing.
    """

    data: bytes
    total: Count
    whole: bool
    form: str
    damaged: str = ""


def form_of(head: bytes) -> str | None:
    """The compression that a file's first bytes name, or None."""
    return next((form for magic, form in _MAGIC.items() if head.startswith(magic)), None)


def read_prefix(source: BinaryIO, form: str, path: Path, size: int, *, limit: int = PREFIX_BYTES) -> Prefix:
    """Decompress the head of a file.

    Raises:
        UnreadableData: nothing could be decompressed.
        DataReaderMissing: zstd without its package.
    """
    data, consumed, whole, damaged = _decompress(source, _decoders(form, path), limit)
    if not data and damaged:
        raise UnreadableData(f"{path} is broken {form}: {damaged}")
    if whole:
        return Prefix(data=data, total=Count.exactly(len(data)), whole=True, form=form)
    guess = round(size * len(data) / max(consumed, 1))
    return Prefix(data=data, total=_total(source, form, size, max(guess, len(data))), whole=False, form=form,
                  damaged=damaged)  # fmt: skip


def _decompress(source: BinaryIO, start: Callable[[], Any], limit: int) -> tuple[bytes, int, bool, str]:
    """The prefix, how many bytes it took, whether that was all, and what was wrong."""
    source.seek(0)
    found, decoder, fed, rest = bytearray(), start(), 0, b""
    while len(found) < limit and fed < _LARGEST_INPUT_BYTES:
        chunk = rest or source.read(_READ_BYTES)
        if not rest:
            fed += len(chunk)
        rest = b""
        ended = not chunk and not decoder.pending
        if ended:
            return bytes(found), fed, decoder.done, "" if decoder.done else "it ends too early"
        try:
            found += decoder.feed(chunk, limit - len(found))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, _zstd_error()) as error:
            return bytes(found), fed, False, str(error)
        if decoder.done and (rest := decoder.rest):  # another member, or padding
            if not any(rest):
                return bytes(found), fed, True, ""
            decoder = start()
    return bytes(found), fed - len(decoder.rest), False, ""


class _Zlib:
    """zlib with a bound on what comes out."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)

    def feed(self, chunk: bytes, limit: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + chunk, max(limit, 1))

    @property
    def pending(self) -> bool:
        return bool(self._decoder.unconsumed_tail)

    @property
    def done(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data


class _Bounded:
    """bz2 and lzma: both stop at a length by themselves."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def feed(self, chunk: bytes, limit: int) -> bytes:
        found: bytes = self._decoder.decompress(chunk, max_length=max(limit, 1))
        return found

    @property
    def pending(self) -> bool:
        return not self._decoder.eof and not self._decoder.needs_input

    @property
    def done(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._decoder.unused_data) if self._decoder.eof else b""


class _Zstd:
    """zstandard's decompressor, fed in slices small enough that one cannot swell beyond bounds."""

    _SLICE = 256  # bytes; a run-length block of four bytes makes 128 KiB, so a slice at most some 8 MiB
    pending = False

    def __init__(self, module: Any) -> None:
        self._decoder = module.ZstdDecompressor(max_window_size=128 << 20).decompressobj()
        self._left = b""

    def feed(self, chunk: bytes, limit: int) -> bytes:
        found = bytearray()
        for at in range(0, len(chunk), self._SLICE):
            found += self._decoder.decompress(chunk[at : at + self._SLICE])
            if self._decoder.eof:
                self._left = self._decoder.unused_data + chunk[at + self._SLICE :]
                break
            if len(found) >= limit:
                self._left = chunk[at + self._SLICE :]
                break
        return bytes(found)

    @property
    def done(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def rest(self) -> bytes:
        return self._left


def _decoders(form: str, path: Path) -> Callable[[], Any]:
    if form == "gzip":
        return _Zlib
    if form == "bzip2":
        return lambda: _Bounded(bz2.BZ2Decompressor())
    if form == "xz":
        return lambda: _Bounded(lzma.LZMADecompressor(memlimit=256 << 20))
    if util.find_spec("zstandard") is None:
        raise missing("zstandard", path, "compressed with zstd")
    import zstandard

    return lambda: _Zstd(zstandard)


def _zstd_error() -> type[Exception]:
    module = sys.modules.get("zstandard")
    found: type[Exception] = module.ZstdError if module else DataReaderMissing
    return found


def _total(source: BinaryIO, form: str, size: int, guess: int) -> Count:
    """The whole's size: gzip's own word where it can be true, else what the prefix suggests."""
    if form == "gzip" and size > 18:
        source.seek(-4, 2)
        said = int.from_bytes(source.read(4), "little")
        turns = max(round((guess - said) / (1 << 32)), 0)
        claimed = said + (turns << 32)
        low, high = (round(guess * share) for share in _GZIP_PLAUSIBLE)
        if low <= claimed <= high:
            return Count(low=round(claimed * 0.99), expected=claimed, high=round(claimed * 1.01), basis=Basis.COMPUTED)
    low, high = round(guess * (1 - _RATIO_SPREAD)), round(guess * (1 + _RATIO_SPREAD))
    return Count(low=low, expected=guess, high=high, basis=Basis.EXTRAPOLATED)
