"""What people say to the engine; verdicts come as evaluations.

Belongs here: those inputs. Does not belong here: what becomes of them (see `engine`).
"""

from dataclasses import dataclass
from datetime import datetime

from cbcr_assets.config.matchers import Matcher


@dataclass(frozen=True)
class Ack:
    """Somebody takes care of every open episode that matches.

    Attributes:
        matchers: What is meant; every one must match.
        by: Who.
        timeout_s: When it lapses; None: as the episode's escalation says, else never.
        incident: Only what this incident of a message is about; empty: whatever matches.
    """

    matchers: tuple[Matcher, ...]
    by: str
    timeout_s: float | None = None
    incident: str = ""


@dataclass(frozen=True)
class Silence:
    """Nobody is told about what matches, for a while.

    Attributes:
        id: Its identity.
        matchers: What is meant; every one must match.
        start: Its beginning, naive UTC.
        end: Its end, naive UTC.
        by: Who.
        comment: Why.
    """

    id: str
    matchers: tuple[Matcher, ...]
    start: datetime
    end: datetime
    by: str
    comment: str = ""


@dataclass(frozen=True)
class Unsilence:
    """A silence ends now."""

    id: str
    by: str


Word = Ack | Silence | Unsilence
