"""The chain of those who are told next, as it was when the episode began. Pure.

Belongs here: its timer: it runs while nobody has acknowledged and nothing keeps the alert quiet.
Does not belong here: the message (see `compose`), the policy it is taken from.

A change of the policy does not change the chain of an episode that is under way.
"""

import json
from dataclasses import dataclass

from cbcr_assets.alerting.snapshot import Episode
from cbcr_assets.config.routing import Escalation


@dataclass(frozen=True)
class Chain:
    """A chain in an episode.

    Attributes:
        steps: Seconds after the beginning, and the receiver.
        ack_timeout_s: When an acknowledgement lapses; None: never.
    """

    steps: tuple[tuple[float, str], ...]
    ack_timeout_s: float | None


def chain_of(episode: Episode) -> Chain:
    """Return the chain of an episode; without one it has no steps."""
    return chain_from(episode.chain)


def chain_from(text: str) -> Chain:
    """Return a chain from its JSON text; empty text has no steps."""
    if not text:
        return Chain((), None)
    plain = json.loads(text)
    return Chain(tuple((after, name) for after, name in plain["steps"]), plain["ack_timeout_s"])


def start(episode: Episode, escalation: Escalation | None, now_e: float) -> None:
    """Begin a chain from its first step; an acknowledgement of what was before is void."""
    episode.acked_by, episode.ack_until_e = "", None
    episode.chain, episode.step, episode.remaining_s, episode.resume_e = "", 0, 0.0, None
    if escalation is not None:
        steps = [(step.after_s, step.receiver) for step in escalation.steps]
        chain = {"steps": steps, "ack_timeout_s": escalation.ack_timeout_s}
        episode.chain = json.dumps(chain)
        episode.remaining_s, episode.resume_e = steps[0][0], now_e
    set_due(episode)


def halt(episode: Episode, now_e: float) -> None:
    """Let the chain stand still where it is."""
    if episode.resume_e is not None:
        ran_s = max(now_e - episode.resume_e, 0.0)
        episode.remaining_s, episode.resume_e = max(episode.remaining_s - ran_s, 0.0), None
    set_due(episode)


def go_on(episode: Episode, now_e: float) -> None:
    """Let the chain go on from where it stood, unless something else still halts it."""
    has_next = episode.step < len(chain_of(episode).steps)
    halted = episode.acked_by or episode.muted_by or not episode.fires
    if episode.resume_e is None and has_next and not halted:
        episode.resume_e = now_e
    set_due(episode)


def next_step(episode: Episode, now_e: float) -> str | None:
    """Take the step that is due and return its receiver; None: none is."""
    resume_e = episode.resume_e
    if resume_e is None or resume_e + episode.remaining_s > now_e:
        return None
    steps = chain_of(episode).steps
    after_s, receiver = steps[episode.step]
    episode.step += 1
    episode.resume_e = None
    if episode.step < len(steps):
        # Counted from now: after a pause nobody gets less time to answer.
        episode.remaining_s, episode.resume_e = steps[episode.step][0] - after_s, now_e
    set_due(episode)
    return receiver


def acknowledge(episode: Episode, by: str, timeout_s: float | None, now_e: float) -> None:
    """Somebody takes care: the chain stands still until that lapses."""
    lapses_s = chain_of(episode).ack_timeout_s if timeout_s is None else timeout_s
    episode.acked_by = by
    episode.ack_until_e = None if lapses_s is None else now_e + lapses_s
    halt(episode, now_e)


def lapse(episode: Episode, now_e: float) -> bool:
    """End an acknowledgement whose time has passed; tell whether it did."""
    if not episode.acked_by or episode.ack_until_e is None or episode.ack_until_e > now_e:
        return False
    episode.acked_by, episode.ack_until_e = "", None
    go_on(episode, now_e)
    return True


def set_due(episode: Episode) -> None:
    """Note when something about the episode is due."""
    moments = []
    if episode.fires and episode.resume_e is not None:
        moments.append(episode.resume_e + episode.remaining_s)
    if episode.fires and episode.ack_until_e is not None:
        moments.append(episode.ack_until_e)
    episode.due_e = min(moments, default=None)
