"""JSON text, read strictly and written in one form only.

Belongs here: the JSON that CBCR accepts (no NaN, no doubled key, no unread depth), its canonical
form and its hash.
Does not belong here: what the values mean.
"""

import hashlib
import json
from collections import Counter
from typing import Any, NoReturn


def canonical(value: object) -> str:
    """Write a JSON value in one form only: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )


def strict_json(text: str) -> Any:
    """Read JSON text; NaN and Infinity are no JSON, and a key that is there twice says nothing.

    Raises:
        ValueError: It is not JSON (`json.JSONDecodeError` has the line), or nested too deep.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deep to be read") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number; write null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse doubled keys: which of the values is meant nobody can know."""
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice[:60]!r} is there twice in one object")
    return made


def sha256(text: str) -> str:
    """Return the hash of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_object)
