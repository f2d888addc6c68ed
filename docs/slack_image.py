"""Draw the Slack message of docs/receivers.md out of its JSON: docs/images/slack-alert.png.

Usage: python docs/slack_image.py [--out FILE]

Belongs here: a plain drawing of the Block Kit that the receiver sends; a block that it cannot draw
ends it. Does not belong here: what the message says (see `cbcr_assets.alerting.receivers.blocks`).
It is no picture of Slack, which has its own fonts and widths.
"""

import argparse
import html
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from screenshots import FLAGS

HERE = Path(__file__).parent
Block = Mapping[str, Any]
_LINK = re.compile(r"&lt;(https?://[^|&]+(?:&amp;[^|&]+)*)\|([^&]*)&gt;")
# Fonts with these are rarely installed.
DOTS = {"🔴": "#dd2e44", "🟠": "#f4900c", "🔵": "#55acee", "🟢": "#78b159"}
PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 16px 20px; width: 660px; background: #fff; color: #1d1c1d;
  font: 15px/1.47 Lato, "DejaVu Sans", sans-serif; }
.channel { color: #616061; font-size: 13px; margin-bottom: 8px; }
.app { font-weight: 700; } .tag { background: #e8e8e8; border-radius: 2px; color: #616061;
  font-size: 10px; font-weight: 700; padding: 1px 4px; margin-left: 6px; }
h3 { font-size: 18px; line-height: 1.33; margin: 4px 0 8px; }
p { margin: 0 0 8px; white-space: pre-line; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin-bottom: 12px; }
.fields p { margin: 0; }
.dot { display: inline-block; width: .8em; height: .8em; border-radius: 50%; }
button { font: inherit; font-size: 13px; font-weight: 700; border-radius: 4px;
  border: 1px solid #bbb; background: #fff; padding: 5px 12px; margin: 0 8px 10px 0; }
button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
a { color: #1264a3; text-decoration: none; } .context { color: #616061; font-size: 13px; }
</style>"""


def text_of(element: Block) -> str:
    """Return a text object as HTML; only mrkdwn knows links."""
    shown = html.escape(element["text"], quote=False)
    for sign, colour in DOTS.items():
        shown = shown.replace(sign, f'<span class="dot" style="background: {colour}"></span>')
    if element["type"] == "mrkdwn":
        shown = _LINK.sub(r'<a href="\1">\2</a>', shown)
    return shown


def _section(block: Block) -> str:
    said = f"<p>{text_of(block['text'])}</p>" if "text" in block else ""
    fields = "".join(f"<p>{text_of(one)}</p>" for one in block.get("fields", []))
    return said + (f'<div class="fields">{fields}</div>' if fields else "")


def _actions(block: Block) -> str:
    return "".join(
        f'<button class="{one.get("style", "")}">{text_of(one["text"])}</button>'
        for one in block["elements"]
    )


def _context(block: Block) -> str:
    shown = " ".join(text_of(one) for one in block["elements"])
    return f'<p class="context">{shown}</p>'


DRAWN: Mapping[str, Callable[[Block], str]] = {
    "header": lambda block: f"<h3>{text_of(block['text'])}</h3>",
    "section": _section,
    "actions": _actions,
    "context": _context,
}


def drawing(message: Mapping[str, Any]) -> str:
    """Return the message as a page; raises KeyError at a kind of block that it cannot draw."""
    channel = f'<div class="channel">{html.escape(message["channel"])}</div>'
    app = '<div><span class="app">CBCR</span><span class="tag">APP</span></div>'
    blocks = "".join(DRAWN[block["type"]](block) for block in message["blocks"])
    return f"{PAGE}<body>{channel}{app}{blocks}</body>"


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "images" / "slack-alert.png")
    asked = parser.parse_args()
    page_text = (HERE / "receivers.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- rendered: slack -->\n```json\n(.*?)```", page_text, re.DOTALL)
    if found is None:
        raise SystemExit("docs/receivers.md has no rendered Slack message")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), headless=True, args=FLAGS,
            viewport={"width": 700, "height": 200}, device_scale_factor=2,
        )  # fmt: skip
        page = context.new_page()
        page.set_content(drawing(json.loads(found[1])))
        page.screenshot(path=str(asked.out), full_page=True)
        context.close()
    print(asked.out)


if __name__ == "__main__":
    main()
