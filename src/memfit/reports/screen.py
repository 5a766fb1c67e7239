"""Where a report is drawn: width, colour and encoding of the stream are found out and respected."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console, RenderableType

WIDEST = 110  # lines longer than this are hard to read

# One character for one, so that columns stay aligned.
_ASCII = str.maketrans({
    "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "#", "▍": " ", "▎": " ", "▏": " ",
    "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "→": ">",
    "▓": "=", "▒": "x", "░": "-", "│": "|", "·": ".", "…": "~", "—": "-", "–": "-", "×": "x",
})  # fmt: skip


def console(stream: TextIO) -> Console:
    """A console that follows the stream: colour on terminals alone, NO_COLOR and COLUMNS honoured."""
    found = Console(file=stream, highlight=False, markup=False, emoji=False)
    found.width = min(found.width, WIDEST)
    return found


def write(content: RenderableType, stream: TextIO) -> None:
    """Draw on the stream."""
    drawing = console(stream)
    with drawing.capture() as captured:
        drawing.print(content)
    lines = captured.get().splitlines()
    stream.write(encodable("\n".join(line.rstrip() for line in lines) + "\n", stream))


def encodable(text: str, stream: TextIO) -> str:
    """The text as the stream's encoding can carry it: plain ASCII drawings where it is not UTF-8."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if encoding.lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig"):
        return text
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
