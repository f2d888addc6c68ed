"""Text that came from outside, made safe to store and to show.

Belongs here: replacing what no database stores, and hiding secrets.
Does not belong here: parsing.
"""

import re
from collections.abc import Mapping

_HIDDEN = "***"
_MIN_SECRET = 4
_SECRET_NAME = re.compile(r"(?i)pass(word|wd|phrase)?|secret|token|credential|api_?key|access_?key")
_ASSIGNED = re.compile(
    r"(?i)\b([\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key)"
    r"[\w.-]*)(\s*[=:]\s*|\s+)(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)
_IN_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@")


def clean(text: str) -> str:
    r"""Return `text` without lone surrogates (they become a visible ``\udXXX``)."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def storable(text: str) -> str:
    r"""Return the text without what no database stores: lone surrogates and NUL become ``\x00``."""
    return clean(text).replace("\0", r"\x00")


def redact(text: str, *, environ: Mapping[str, str] | None = None) -> str:
    """Hide what looks like a secret: `password=…`, credentials in URLs, secret variables' values.

    Args:
        text: Text that a person will see.
        environ: Environment whose secret-looking variables must not appear either.
    """
    for name, value in (environ or {}).items():
        if len(value) >= _MIN_SECRET and _SECRET_NAME.search(name):
            text = text.replace(value, _HIDDEN)
    text = _IN_URL.sub(rf"\1{_HIDDEN}@", text)
    return _ASSIGNED.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    name, separator, value = match.groups()
    # "password authentication failed" is prose; "--password hunter2" is not.
    if not separator.strip(" \t\n") and not name.startswith("-") and not _is_flag(match):
        return match.group(0)
    return f"{name}{separator}{_HIDDEN if value else ''}"


def _is_flag(match: re.Match[str]) -> bool:
    return match.string[max(0, match.start() - 1) : match.start()] == "-"


def first_error_line(text: str, *, limit: int = 2000) -> str:
    """Return the line that says what went wrong, redacted and capped.

    The first line with a word like "error"; without one the first line that is not blank.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    telling = (line for line in lines if re.search(r"(?i)error|fatal|fail|denied|cannot", line))
    return storable(redact(next(telling, lines[0])))[:limit]
