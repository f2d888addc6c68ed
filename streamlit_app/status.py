"""Status in colour, shape and word, and numbers as people say them.

Belongs here: the house's signs and formats. Does not belong here: queries, charts.
Colours are Okabe and Ito's, told apart by the colour-blind; the shape and the word say it again.
"""

import re

import polars as pl

COLOURS = {
    "breached": "#D55E00",
    "approaching": "#E69F00",
    "ok": "#009E73",
    "unknown": "#6b7280",
}
SIGNS = {"breached": "▲", "approaching": "◆", "ok": "●", "unknown": "○"}
WORDS = {"breached": "breached", "approaching": "at risk", "ok": "ok", "unknown": "unknown"}
HEALTH_COLOURS = {
    "critical": "#D55E00",
    "unknown": "#6b7280",
    "poor": "#E69F00",
    "degraded": "#56B4E9",
    "healthy": "#009E73",
}
HEALTH_SIGNS = {"critical": "▲", "unknown": "○", "poor": "◆", "degraded": "◇", "healthy": "●"}
STATES = {
    "succeeded": "#009E73",
    "succeeded_with_warnings": "#56B4E9",
    "failed": "#D55E00",
    "lost": "#CC79A7",
    "cancelled": "#999999",
    "running": "#0072B2",
    "queued": "#b0b0b0",
}
STATE_SIGNS = {
    "succeeded": "●",
    "succeeded_with_warnings": "◐",
    "failed": "▲",
    "lost": "✚",
    "cancelled": "◇",
    "running": "■",
    "queued": "□",
}
_REASONS = {
    "fresh": "fresh enough",
    "ageing": "ageing: three quarters of the objective are used",
    "projected": "no planned backup will be ready before the objective breaks",
    "too_old": "the newest backup is too old",
    "expired": "its last backup has expired",
    "parent_expired": "the full backup that everything rests on has expired",
    "corrupt": "its last backup is corrupt",
    "parent_corrupt": "the full backup that everything rests on is corrupt",
    "failed_run": "its last backup was left behind by a run that failed",
    "parent_failed_run": "the full backup that everything rests on comes from a run that failed",
    "parent_missing": "the backup that everything rests on is not there",
    "never_backed_up": "it was never backed up",
    "onboarding": "it is new: the first backup is not due yet",
    "source_stale": "its source is silent, so we cannot see its backups",
    "no_objective": "no objective was promised for it",
    "no_source": "no source speaks of it, so we cannot see its backups",
}

HEALTH = {
    "healthy": ("●", COLOURS["ok"]),
    "degraded": ("◆", COLOURS["approaching"]),
    "poor": ("◆", "#c26a00"),
    "critical": ("▲", COLOURS["breached"]),
    "unknown": ("○", COLOURS["unknown"]),
}
_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#!|~$:]")


def badge(status: str) -> str:
    """Return sign and word of a status."""
    return f"{SIGNS.get(status, '○')} {WORDS.get(status, status)}"


def health(state: str) -> str:
    """Return sign and word of a component's health."""
    return f"{HEALTH_SIGNS.get(state, '○')} {state}"


def state(word: str | None) -> str:
    """Return sign and word of an attempt's state; a dash for nothing."""
    return f"{STATE_SIGNS.get(word, '○')} {word.replace('_', ' ')}" if word else "–"


def reason(word: str | None) -> str:
    """Return a reason in words."""
    return _REASONS.get(word or "", word or "")


def duration(seconds: float | None) -> str:
    """Return seconds as `1d 4h`, `3h 20m`, `42s`; a dash for nothing."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    if whole >= 86400:
        return f"{whole // 86400}d {whole % 86400 // 3600}h"
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"


def loss(status: str | None, exposure_s: float | None) -> str:
    """Return what would be lost: without any recovery point that is everything."""
    if exposure_s is None and status == "breached":
        return "everything"
    return duration(exposure_s)


def size(count: float | None) -> str:
    """Return bytes as `1.4 GB`, `-200.0 MB`; a dash for nothing."""
    if count is None:
        return "–"
    if count < 0:
        return f"-{size(-count)}"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def share(part: float | None, digits: int = 0) -> str:
    """Return a share as `43%`; a dash for nothing."""
    return "–" if part is None else f"{part:.{digits}%}"


def rate(bytes_s: float | None) -> str:
    """Return bytes a second as `42.0 MB/s`; a dash for nothing."""
    return "–" if bytes_s is None else f"{size(int(bytes_s))}/s"


def plain(text: str | None) -> str:
    """Return foreign text so that Markdown shows it as it is: no links, pictures or formulas."""
    return _MARKUP.sub(r"\\\g<0>", text or "")


def lost_column(frame: pl.DataFrame) -> pl.Series:
    """Return what each instance of a frame with `status` and `exposure_s` would lose."""
    pairs = frame.select("status", "exposure_s").iter_rows()
    return pl.Series([loss(status, exposure_s) for status, exposure_s in pairs], dtype=pl.String)
