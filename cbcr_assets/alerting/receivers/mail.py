"""Mail by SMTP: one letter a message, threads by `References`.

Belongs here: the talk with the mail server and the reading of its answers.
Does not belong here: how a letter looks (see `letter`).

Whoever is refused while others are taken is named in the letter: the others are not kept waiting
for one full mailbox, and nobody is left out in silence.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from cbcr_assets.alerting.message import Outgoing
from cbcr_assets.alerting.model import Links
from cbcr_assets.alerting.receivers.base import Delivered, Outcome, Rejected, Retry
from cbcr_assets.alerting.receivers.letter import letter, message_id
from cbcr_assets.config.receivers import EmailReceiver

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
# The server asks us to come again, or it is being shut down.
_TEMPORARY = range(400, 500)


class _TooLate(Exception):
    """The time is over."""


@dataclass(frozen=True)
class Mail:
    """Writes to a few people."""

    config: EmailReceiver
    links: Links
    environ: Mapping[str, str] = field(repr=False)

    def send(self, outgoing: Outgoing, *, now: datetime, timeout_s: float) -> Outcome:
        """Send one letter once."""
        until = time.monotonic() + timeout_s
        password = None
        try:
            if self.config.password is not None:
                password = self.config.password.resolve(self.environ)
        except ValueError as error:
            return Retry(None, str(error))
        try:
            return self._deliver(outgoing, now, until, password)
        except smtplib.SMTPResponseException as error:
            return _judge(error.smtp_code, "the mail server said")
        except smtplib.SMTPNotSupportedError:
            return Rejected("the mail server offers no STARTTLS or no login; see `security`")
        except ssl.SSLCertVerificationError:
            return Retry(None, "no answer: the certificate cannot be trusted")
        except (smtplib.SMTPException, OSError, _TooLate, UnicodeError) as error:
            # Texts of these errors may hold what was sent.
            return Retry(None, f"no answer: {type(error).__name__}")

    def _deliver(
        self, outgoing: Outgoing, now: datetime, until: float, password: str | None
    ) -> Outcome:
        smtp = self._connect(until)
        try:
            if self.config.security == "starttls":
                _limit(smtp, until)
                smtp.starttls(context=ssl.create_default_context())
            if self.config.username is not None and password is not None:
                _limit(smtp, until)
                smtp.login(self.config.username, password)
            return self._hand_over(smtp, outgoing, now, until)
        finally:
            # QUIT would wait for an answer that nobody needs.
            smtp.close()

    def _connect(self, until: float) -> smtplib.SMTP:
        config = self.config
        port = config.port or _PORTS[config.security]
        left_s = _left_s(until)
        # Else smtplib asks a name server for our own name, and that may hang.
        name = socket.gethostname() or "localhost"
        if config.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(config.host, port, name, timeout=left_s, context=context)
        return smtplib.SMTP(config.host, port, name, timeout=left_s)

    def _hand_over(
        self, smtp: smtplib.SMTP, outgoing: Outgoing, now: datetime, until: float
    ) -> Outcome:
        _limit(smtp, until)
        smtp.ehlo_or_helo_if_needed()
        code, _ = smtp.mail(self.config.sender)
        if code != 250:
            return _judge(code, "the mail server refused the sender:")
        taken, refused = [], {}
        for address in self.config.to:
            _limit(smtp, until)
            code, _ = smtp.rcpt(address)
            if code in (250, 251):
                taken.append(address)
            else:
                refused[address] = code
        if not taken:
            return _nobody(refused)
        # `data` wants bytes: with text it would ask for an encoding.
        content = letter(outgoing, self.config, self.links, now=now, refused=refused)
        _limit(smtp, until)
        code, _ = smtp.data(content)
        if code != 250:
            return _judge(code, "the mail server refused the letter:")
        return Delivered(message_id(outgoing, self.config))


def build(config: EmailReceiver, *, links: Links, environ: Mapping[str, str]) -> Mail:
    """Build the channel."""
    return Mail(config, links, environ)


def _left_s(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise _TooLate
    return left_s


def _limit(smtp: smtplib.SMTP, until: float) -> None:
    with suppress(AttributeError):  # the connection is gone; the next command says so
        smtp.sock.settimeout(_left_s(until))  # type: ignore[union-attr]


def _judge(code: int, what: str) -> Outcome:
    why = f"{what} {code}"
    # A connection that broke has code -1.
    return Retry(None, why) if code in _TEMPORARY or code < 0 else Rejected(why)


def _nobody(refused: Mapping[str, int]) -> Outcome:
    codes = ", ".join(str(code) for code in sorted(set(refused.values())))
    why = f"the mail server refused every recipient: {codes}"
    is_passing = any(code in _TEMPORARY for code in refused.values())
    return Retry(None, why) if is_passing else Rejected(why)
