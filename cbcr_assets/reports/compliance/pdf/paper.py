"""Pages: fonts, colours, marks, what stands at the edge of each page.

Belongs here: drawing that every page shares. Does not belong here: what is said on it.

The same report gives the same bytes: no clock, no random identifier, fonts embedded.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = landscape(A4)
MARGIN = 40.0
TOP, BOTTOM = HEIGHT - MARGIN, MARGIN + 18
INNER = WIDTH - 2 * MARGIN
REGULAR, BOLD = "Vera", "VeraBd"
INK, QUIET, LINE, BAND = (HexColor(c) for c in ("#1b1f24", "#57606a", "#c8ccd1", "#f5f6f8"))
# Told apart by shape and word as well: colour alone says nothing to one reader in twelve.
_BAD, _RISK, _GOOD, _GREY = (HexColor(c) for c in ("#d55e00", "#e69f00", "#009e73", "#6e7781"))
MARKS: dict[str, tuple[str, Color]] = {
    "kept": ("disc", _GOOD),
    "proven": ("disc", _GOOD),
    "yes": ("disc", _GOOD),
    "partly": ("diamond", _RISK),
    "earlier": ("diamond", _RISK),
    "untimed": ("diamond", _RISK),
    "broken": ("triangle", _BAD),
    "failed": ("triangle", _BAD),
    "no": ("triangle", _BAD),
    "contradictory": ("triangle", _BAD),
    "never": ("ring", _BAD),
}
_UNKNOWN = ("ring", _GREY)


class Paper:
    """A document that grows page by page."""

    def __init__(self, *, title: str, made_at: datetime, edge: Sequence[str]) -> None:
        """Begin a document.

        Args:
            title: Title of the document.
            made_at: When it was made, naive UTC.
            edge: Lines at the left of the foot of each page.
        """
        _fonts()
        self._buffer = io.BytesIO()
        self.canvas = Canvas(
            self._buffer, pagesize=(WIDTH, HEIGHT), pageCompression=1, invariant=1, lang="en"
        )
        self.canvas.setTitle(title)
        self.canvas.setAuthor("CBCR")
        self.canvas.setCreator("CBCR")
        self.canvas.setSubject("Backup and restore compliance")
        self.canvas.setDateFormatter(lambda *_: f"D:{made_at:%Y%m%d%H%M%S}Z")
        self._edge = edge
        self._pages: list[dict[str, Any]] = []
        self._chapters: dict[int, str] = {}

    def chapter(self, name: str) -> None:
        """Name the present page in the outline."""
        self._chapters[len(self._pages)] = name

    def turn(self) -> None:
        """End the page; the next one begins."""
        # A thousand pages of small pieces would cost far more memory than what they say.
        drawn = {"_code": ["\n".join(self.canvas._code)]}
        self._pages.append(self.canvas.__dict__ | drawn)
        self.canvas._startPage()

    def finish(self, *, attached: tuple[str, bytes]) -> bytes:
        """Number the pages, attach a file, and return the document.

        Args:
            attached: Name and content of the file that it carries.
        """
        for number, page in enumerate(self._pages):
            self.canvas.__dict__.update(page)
            if number in self._chapters:
                self.canvas.bookmarkPage(f"page{number}")
                self.canvas.addOutlineEntry(self._chapters[number], f"page{number}")
            self._draw_edge(f"page {number + 1} of {len(self._pages)}")
            self.canvas.showPage()
        document = self.canvas._doc
        document.Catalog.Names = _names_of(document, *attached)
        self.canvas.save()
        return self._buffer.getvalue()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 8,
        bold: bool = False,
        color: Color = INK,
        align: str = "left",
    ) -> None:
        """Draw one line; `x` is its left end, or its right one."""
        font = BOLD if bold else REGULAR
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(color)
        draw = self.canvas.drawRightString if align == "right" else self.canvas.drawString
        draw(x, y, legible(text, font))

    def line(self, x1: float, y1: float, x2: float, y2: float, *, color: Color = LINE) -> None:
        """Draw a thin line."""
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(0.6)
        self.canvas.line(x1, y1, x2, y2)

    def box(self, x: float, y: float, width: float, height: float, *, fill: Color = BAND) -> None:
        """Draw a filled box with round corners; `y` is its lower edge."""
        self.canvas.setFillColor(fill)
        self.canvas.roundRect(x, y, width, height, 4, stroke=0, fill=1)

    def mark(self, state: str, x: float, y: float, *, size: float = 6) -> None:
        """Draw the mark of a state, `size` wide, its lower left corner at (x, y)."""
        shape, color = MARKS.get(state, _UNKNOWN)
        canvas, middle = self.canvas, size / 2
        canvas.setFillColor(color)
        canvas.setStrokeColor(color)
        canvas.setLineWidth(size / 5)
        if shape == "disc":
            canvas.circle(x + middle, y + middle, middle, stroke=0, fill=1)
        elif shape == "ring":
            canvas.circle(x + middle, y + middle, middle - size / 10, stroke=1, fill=0)
        else:
            path = canvas.beginPath()
            corners = {
                "triangle": ((0, 0), (size, 0), (middle, size)),
                "diamond": ((middle, 0), (size, middle), (middle, size), (0, middle)),
            }[shape]
            path.moveTo(x + corners[0][0], y + corners[0][1])
            for right, up in corners[1:]:
                path.lineTo(x + right, y + up)
            path.close()
            canvas.drawPath(path, stroke=0, fill=1)

    def _draw_edge(self, number: str) -> None:
        y = MARGIN - 4
        self.line(MARGIN, y + 10, WIDTH - MARGIN, y + 10)
        for i, line in enumerate(self._edge):
            self.text(MARGIN, y - 9 * i, line, size=6.2, color=QUIET)
        self.text(WIDTH - MARGIN, y, number, size=7, color=QUIET, align="right")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line is."""
    font = BOLD if bold else REGULAR
    return float(pdfmetrics.stringWidth(legible(text, font), font, size))


def wrapped(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines that fit; a word that is too long is broken, nothing is left out."""
    font = BOLD if bold else REGULAR
    text = legible(text, font)
    if width_of(text, size, bold=bold) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width_of(joined, size, bold=bold) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while width_of(word, size, bold=bold) > width and len(word) > 1:
            fits = _longest_start(word, size, width, bold=bold)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line]


def _longest_start(word: str, size: float, width: float, *, bold: bool) -> int:
    fits = 1
    while width_of(word[: fits + 1], size, bold=bold) <= width:
        fits += 1
    return fits


@cache
def _fonts() -> dict[str, TTFont]:
    """Register the fonts that come with the library, once."""
    fonts = {name: TTFont(name, f"{name}.ttf") for name in (REGULAR, BOLD)}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    return fonts


def legible(text: str, font: str) -> str:
    """Write what the font cannot draw as its code point: nothing vanishes from a page."""
    if text.isascii():
        return text
    known = _fonts()[font].face.charToGlyph
    return "".join(c if ord(c) in known else f"\\u{{{ord(c):x}}}" for c in text)


def _names_of(document: Any, name: str, content: bytes) -> Any:
    """Return the name tree of a document that carries one file."""
    stream = pdfdoc.PDFStream(content=content, filters=[pdfdoc.PDFZCompress])
    stream.dictionary["Type"] = pdfdoc.PDFName("EmbeddedFile")
    stream.dictionary["Params"] = pdfdoc.PDFDictionary({"Size": len(content)})
    spec = pdfdoc.PDFDictionary({
        "Type": pdfdoc.PDFName("Filespec"),
        "F": pdfdoc.PDFString(name),
        "UF": pdfdoc.PDFString(name),
        "AFRelationship": pdfdoc.PDFName("Data"),
        "Desc": pdfdoc.PDFString("The whole report as a table"),
        "EF": pdfdoc.PDFDictionary({"F": document.Reference(stream)}),
    })  # fmt: skip
    tree = pdfdoc.PDFDictionary({"Names": pdfdoc.PDFArray([pdfdoc.PDFString(name), spec])})
    return pdfdoc.PDFDictionary({"EmbeddedFiles": tree})
