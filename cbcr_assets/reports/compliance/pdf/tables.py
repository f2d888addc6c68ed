"""Tables over any number of pages, their head repeated on each.

Belongs here: columns, rows, breaks of lines and pages. Does not belong here: what the rows say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cbcr_assets.reports.compliance.pdf.paper import (
    BAND,
    BOTTOM,
    INNER,
    MARGIN,
    QUIET,
    TOP,
    Paper,
    wrapped,
)

SIZE = 7.0
_LEADING = 9.0
_PAD = 4.0
_MARK = 9.0
_TITLE = 13.0


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: Its head.
        share: Its part of the width of the table.
        right: Numbers stand at the right.
        marked: Its texts are states, each with its mark.
    """

    title: str
    share: float
    right: bool = False
    marked: bool = False


class Table:
    """A table within `width`, from `x` on."""

    def __init__(
        self, columns: Sequence[Column], *, x: float = MARGIN, width: float = INNER
    ) -> None:
        """Lay out the columns."""
        self._columns = columns
        self._x, self._width = x, width
        total = sum(column.share for column in columns)
        self._widths = [width * column.share / total for column in columns]

    def rooms(self) -> list[tuple[Column, float, bool]]:
        """Return each column, the room for its texts, and whether a mark takes some of it."""
        return [
            (column, width - 2 * _PAD, column.marked)
            for column, width in zip(self._columns, self._widths, strict=True)
        ]

    def draw(self, paper: Paper, y: float, rows: Iterable[Sequence[str]]) -> float:
        """Draw the head and rows below `y`, without a break; return where they end."""
        y = self._head(paper, y)
        for number, row in enumerate(rows):
            y = self._row(paper, y, row, self._broken(row), banded=number % 2 == 1)
        return y

    def chapter(self, paper: Paper, title: str, note: str, rows: Iterable[Sequence[str]]) -> None:
        """Draw a chapter of its own: title, note, and as many pages of rows as there are."""
        paper.chapter(title)
        y = self._top(paper, title, note)
        drawn = 0
        for row in rows:
            cells = self._broken(row)
            if y - self._height(cells) < BOTTOM:
                paper.turn()
                y = self._top(paper, f"{title}, continued", "")
                drawn = 0
            y = self._row(paper, y, row, cells, banded=drawn % 2 == 1)
            drawn += 1
        paper.turn()

    def _top(self, paper: Paper, title: str, note: str) -> float:
        y = TOP - _TITLE
        paper.text(MARGIN, y, title, size=_TITLE, bold=True)
        y -= 8
        for line in wrapped(note, SIZE + 0.5, INNER) if note else ():
            y -= _LEADING
            paper.text(MARGIN, y, line, size=SIZE + 0.5, color=QUIET)
        return self._head(paper, y - 8)

    def _head(self, paper: Paper, y: float) -> float:
        cells = [
            wrapped(column.title, SIZE, width - 2 * _PAD, bold=True)
            for column, width in zip(self._columns, self._widths, strict=True)
        ]
        height = self._height(cells)
        x = self._x
        for column, width, lines in zip(self._columns, self._widths, cells, strict=True):
            right = x + width - _PAD
            for i, line in enumerate(lines):
                # Heads stand at the foot of their row, next to what they name.
                up = y - height + _PAD + 1 + _LEADING * (len(lines) - 1 - i)
                paper.text(
                    right if column.right else x + _PAD, up, line, size=SIZE, bold=True,
                    color=QUIET, align="right" if column.right else "left",
                )  # fmt: skip
            x += width
        paper.line(self._x, y - height, self._x + self._width, y - height, color=QUIET)
        return y - height

    def _broken(self, row: Sequence[str]) -> list[list[str]]:
        return [
            wrapped(cell, SIZE, width - 2 * _PAD - (_MARK if column.marked else 0))
            for column, width, cell in zip(self._columns, self._widths, row, strict=True)
        ]

    @staticmethod
    def _height(cells: Sequence[Sequence[str]]) -> float:
        return max(len(lines) for lines in cells) * _LEADING + _PAD

    def _row(
        self,
        paper: Paper,
        y: float,
        row: Sequence[str],
        cells: Sequence[Sequence[str]],
        *,
        banded: bool,
    ) -> float:
        height = self._height(cells)
        if banded:
            paper.canvas.setFillColor(BAND)
            paper.canvas.rect(self._x, y - height, self._width, height, stroke=0, fill=1)
        x = self._x
        for column, width, whole, lines in zip(
            self._columns, self._widths, row, cells, strict=True
        ):
            left = x + _PAD
            if column.marked and whole:
                paper.mark(whole, left, y - _LEADING + 0.5, size=6)
                left += _MARK
            for i, line in enumerate(lines):
                at = x + width - _PAD if column.right else left
                paper.text(
                    at, y - _LEADING * (i + 1) + 1, line, size=SIZE,
                    align="right" if column.right else "left",
                )  # fmt: skip
            x += width
        return y - height
