"""Signatures: of what we send, of what Slack sends us, of a button's value.

Belongs here: making and checking HMAC-SHA256. Does not belong here: HTTP.
"""

import hashlib
import hmac

TOLERANCE_S = 300.0
_LONGEST_INCIDENT = 1_000


def signature(secret: str, body: bytes, *, at_s: int) -> str:
    """Return the value of `X-CBCR-Signature`: the moment, and the HMAC of moment and body.

    Args:
        secret: The shared secret.
        body: The bytes that are sent.
        at_s: Seconds since 1970, UTC.
    """
    return f"t={at_s},v1={_hmac(secret, f'{at_s}.'.encode() + body)}"


def is_from_slack(secret: str, body: bytes, *, stamp: str, signed: str, now_s: float) -> bool:
    """Tell whether a request comes from Slack, and was made just now.

    Args:
        secret: The app's signing secret.
        body: The bytes that came.
        stamp: Header `X-Slack-Request-Timestamp`.
        signed: Header `X-Slack-Signature`.
        now_s: Seconds since 1970, UTC.
    """
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        return False
    expected = f"v0={_hmac(secret, f'v0:{stamp}:'.encode() + body)}"
    return hmac.compare_digest(expected.encode(), _bytes(signed))


def seal(secret: str, incident: str) -> str:
    """Return the value of the button that acknowledges an incident; empty if there is none."""
    if not incident or len(incident) > _LONGEST_INCIDENT:
        return ""
    return f"{_hmac(secret, _bytes(f'acknowledge:{incident}'))}:{incident}"


def unseal(secret: str, value: str) -> str | None:
    """Return the incident of a button's value; None when we never sealed that."""
    _, _, incident = value.partition(":")
    same = hmac.compare_digest(_bytes(seal(secret, incident)), _bytes(value))
    return incident if incident and same else None


def _bytes(text: str) -> bytes:
    # A stranger may send half a character.
    return text.encode("utf-8", "surrogatepass")


def _hmac(secret: str, content: bytes) -> str:
    return hmac.new(_bytes(secret), content, hashlib.sha256).hexdigest()
