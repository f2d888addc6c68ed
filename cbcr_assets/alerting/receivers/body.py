"""A message as JSON, for machines: webhook and file.

Belongs here: the JSON form. Does not belong here: where it goes.
"""

from typing import Any

from cbcr_assets.alerting import render
from cbcr_assets.alerting.message import Message, as_json
from cbcr_assets.alerting.model import Links


def body(message: Message, links: Links) -> dict[str, Any]:
    """Return the JSON values of a message: facts, and the same as text."""
    facts = as_json(message)
    for member, plain in zip(message.members, facts["members"], strict=True):
        plain["link"] = render.link(member, links)
    for member, plain in zip(message.others, facts["others"], strict=True):
        plain["link"] = render.link(member, links)
    return {
        "version": 1,
        **facts,
        "reason": message.told_as,
        "not_listed": message.not_listed,
        "title": render.title(message),
        "text": render.text(message, links),
        "dashboard_url": links.dashboard_url,
        "dagster_url": links.dagster_url,
    }
