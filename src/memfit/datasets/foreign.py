"""What is no data set that memfit reads, named for what it is, with what to do about it."""

from __future__ import annotations

from pathlib import Path

from memfit.datasets.archives import open_zip
from memfit.datasets.opening import UnreadableData

_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"Obj\x01", "an Avro file"), (b"ORC", "an ORC file"), (b"\xd0\xcf\x11\xe0", "an old Excel or Office file"),
    (b"%PDF-", "a PDF"), (b"MATLAB 5.0", "a MATLAB file"), (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"\x7fELF", "a program"),
)  # fmt: skip
_TAR_AT = 257  # of the word "ustar" in a tar file's first header (POSIX 1003.1)
_NAMED = 3  # members of an archive that a sentence names


def refuse(path: Path, start: bytes) -> None:
    """Say what a file is, if it is known to be no data set.

    Args:
        path: of the file.
        start: its first bytes.

    Raises:
        UnreadableData: it is a web page, a pointer, an archive or of a format that memfit does not read.
    """
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise UnreadableData(
            f"{path} is a web page, not a data set: a download was answered with it",
            hint="read the page: it may want a login, or say that the address has changed",
        )
    if text.startswith(b"<?xml"):
        raise UnreadableData(f"{path} is XML, which memfit does not read", hint=_elsewhere("read_xml", path))
    if text.startswith(b"version https://git-lfs"):
        raise UnreadableData(f"{path} is a pointer of Git LFS, the data is not here", hint="git lfs pull")
    if start.startswith(b"PK\x03\x04"):
        raise _zip(path)
    if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
        raise UnreadableData(f"{path} is a tar archive: unpack it first", hint=f"tar -xf {path}")
    found = next((name for magic, name in _BINARY if start.startswith(magic)), None)
    if found is not None:
        raise UnreadableData(f"{path} is {found}, which memfit does not read", hint="docs/data.md lists what it reads")
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise UnreadableData(
            f"{path} is a pickle: memfit does not load it, because loading one runs what it says",
            hint="save the table as Parquet: frame.to_parquet(...)",
        )


def _zip(path: Path) -> UnreadableData:
    hint = ""
    try:
        with open_zip(path) as archive:
            members = archive.infolist()
    except UnreadableData as error:
        return UnreadableData(f"{path} is a zip file that cannot be opened: {error.message}")
    names = [member.filename for member in members if not member.is_dir()]
    if any(member.flag_bits & 1 for member in members):
        return UnreadableData(
            f"{path} is a zip file with a password", hint=f"unpack it with the password: unzip {path}"
        )
    if "[Content_Types].xml" in names:
        what = "an Excel workbook" if any(name.startswith("xl/") for name in names) else "an Office file"
        hint = _elsewhere("read_excel", path) if what.startswith("an Excel") else ""
        return UnreadableData(f"{path} is {what}, which memfit does not read", hint=hint)
    shown = ", ".join(name[:60] for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return UnreadableData(
        f"{path} is a zip file that holds {shown or 'nothing'}: unpack it first, or name it .npz or .pt if it is one",
        hint=f"unzip {path}",
    )


def _elsewhere(reader: str, path: Path) -> str:
    return f"pandas.{reader}({str(path)!r}).to_parquet({str(path.with_suffix('.parquet'))!r}), and name that"
