"""Mail against a real SMTP server on loopback: what it takes, refuses, and never answers."""

import email
import email.policy
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from cbcr_assets.alerting.message import Outgoing, Thread
from cbcr_assets.alerting.receivers import build
from cbcr_assets.alerting.receivers.base import Delivered, Rejected, Retry
from cbcr_assets.config.receivers import Receiver

TO = ["dba@example.org", "boss@example.org"]


@dataclass
class MailServer:
    """A loopback SMTP server: says what it can, refuses whom it should, keeps what it gets.

    `answers` maps a command, or `RCPT address`, to what is said instead of 250.
    """

    port: int = 0
    offers: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    is_tls_at_once: bool = False
    hangs_at: str = ""
    letters: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    envelope: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def speak(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        if self.is_tls_at_once and self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True)
        is_secure, greeted = self.is_tls_at_once, False
        while connection is not None:
            with connection.makefile("rb") as reader:
                if not greeted:
                    self._say(connection, self.answers.get("CONNECT", "220 mail.example.org"))
                    greeted = True
                connection_next = self._talk(connection, reader, is_secure)
            if connection_next is None:
                connection.close()
                return
            connection, is_secure = connection_next, True

    def _talk(
        self, connection: socket.socket, reader: Any, is_secure: bool
    ) -> socket.socket | None:
        while line := reader.readline():
            command = line.decode().strip()
            self.commands.append(command)
            word = command.split()[0].upper() if command else ""
            if word == self.hangs_at:
                self.ended.wait(10)
                return None
            said = self._answer(word, command)
            if word == "EHLO":
                for line in ("mail.example.org", *self.offers):
                    self._say(connection, f"250-{line}")
            self._say(connection, said)
            if word == "STARTTLS" and said.startswith("220") and self.tls:
                return self.tls.wrap_socket(connection, server_side=True)
            if word == "DATA" and said.startswith("354"):
                self.secured.append(is_secure)
                self._say(connection, self._take(reader))
            if word == "QUIT":
                return None
        return None

    def _answer(self, word: str, command: str) -> str:
        if word == "RCPT":
            address = command.partition("<")[2].partition(">")[0]
            said = self.answers.get(f"RCPT {address}", "250 ok")
            if said.startswith("250"):
                self.envelope.append(address)
            return said
        usual = {"DATA": "354 go on", "AUTH": "235 welcome", "STARTTLS": "220 ready"}
        return self.answers.get(word, usual.get(word, "250 ok"))

    def _take(self, reader: Any) -> str:
        lines = []
        while (line := reader.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self.letters.append(b"".join(lines))
        return self.answers.get("CONTENT", "250 taken")

    def _say(self, connection: socket.socket, text: str) -> None:
        connection.sendall(text.encode() + b"\r\n")


@pytest.fixture
def mail_server(serve):
    """Serve SMTP on a free loopback port."""
    server = MailServer()
    listener, stop = serve(lambda connection: server.speak(connection))
    server.port = listener.getsockname()[1]
    yield server
    server.ended.set()
    stop()


@pytest.fixture
def mail_channel(mail_server, links, secret):
    """Build a channel that writes over the mail server."""

    def make(**settings):
        written = {
            "name": "mail", "type": "email", "host": "localhost", "port": mail_server.port,
            "security": "none", "from": "cbcr@example.org", "to": ["dba@example.org"],
            **settings,
        }  # fmt: skip
        config = TypeAdapter(Receiver).validate_python(written)
        return build(config, links=links, environ={"SECRET": secret})

    return make


@pytest.fixture
def send(mail_channel, message, at):
    def send_one(outgoing=None, *, timeout_s=5.0, **settings):
        built = mail_channel(**settings)
        return built.send(outgoing or Outgoing(message), now=at, timeout_s=timeout_s)

    return send_one


@pytest.fixture
def letters(mail_server):
    """Read the letters that arrived."""

    def read():
        policy = email.policy.default
        return [email.message_from_bytes(raw, policy=policy) for raw in mail_server.letters]

    return read


def test_a_letter_arrives(send, letters, mail_server, message):
    outcome = send(to=TO)
    [letter] = letters()
    assert outcome == Delivered(letter["Message-ID"])
    assert mail_server.envelope == TO
    assert "MAIL FROM:<cbcr@example.org>" in mail_server.commands[1].upper().replace(
        "CBCR@EXAMPLE.ORG", "cbcr@example.org"
    )
    assert letter["Subject"].startswith("🔴 CRITICAL orders-db would lose 1 h 30 min of data")
    assert letter["To"] == "dba@example.org, boss@example.org"
    assert letter["From"] == "CBCR <cbcr@example.org>"
    assert letter["Date"] == "Mon, 23 Nov 2026 05:00:00 +0000"
    assert (letter["Importance"], letter["Auto-Submitted"]) == ("high", "auto-generated")
    plain = letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    for said in (
        "newest recovery point is 2026-11-23 03:30:00 UTC",
        "30 min ago",
        "150 % of the objective 1 h",
        "https://wiki/rpo.md",
        "http://dash/instance?id=orders-db",
    ):
        assert said in plain
        assert said in html


def test_the_same_message_is_the_same_letter(send, letters):
    send()
    send()
    first, second = letters()
    assert first["Message-ID"] == second["Message-ID"]


def test_what_continues_is_in_the_thread(send, letters, resolved):
    ref = send().ref
    send(Outgoing(resolved(), Thread(ref, 1, is_over=True)))
    first, second = letters()
    assert second["References"] == second["In-Reply-To"] == first["Message-ID"]
    assert first["References"] is None
    assert second["Message-ID"] != first["Message-ID"]


def test_an_incident_makes_a_thread_without_references(send, letters, message, resolved):
    send(Outgoing(replace(message, incident="i-7")))
    send(Outgoing(resolved(incident="i-7")))
    send(Outgoing(replace(message, id="m3", incident="i-8")))
    roots = [letter["References"] for letter in letters()]
    assert roots[0] == roots[1] != roots[2]


@pytest.mark.parametrize("ref", ["", "x", "<a b@c>", "<a@b>\r\nBcc: x@y", "<ä@b>", '{"ts": 1}'])
def test_a_strange_reference_begins_a_thread_anew(ref, send, letters, resolved):
    assert isinstance(send(Outgoing(resolved(), Thread(ref, 1, is_over=True))), Delivered)
    [letter] = letters()
    assert (letter["References"], letter["Bcc"]) == (None, None)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({"RCPT dba@example.org": "550 no such user", "RCPT boss@example.org": "553 no"},
         Rejected("the mail server refused every recipient: 550, 553")),
        ({"RCPT dba@example.org": "450 later", "RCPT boss@example.org": "550 no"},
         Retry(None, "the mail server refused every recipient: 450, 550")),
        ({"MAIL": "550 not you"}, Rejected("the mail server refused the sender: 550")),
        ({"MAIL": "451 busy"}, Retry(None, "the mail server refused the sender: 451")),
        ({"DATA": "554 no"}, Rejected("the mail server said 554")),
        ({"CONTENT": "552 too large"}, Rejected("the mail server refused the letter: 552")),
        ({"CONTENT": "451 full"}, Retry(None, "the mail server refused the letter: 451")),
        ({"CONNECT": "421 closing"}, Retry(None, "the mail server said 421")),
        ({"CONNECT": "554 go away"}, Rejected("the mail server said 554")),
    ],
)  # fmt: skip
def test_a_refusal_is_read(answers, outcome, send, mail_server):
    mail_server.answers = answers
    assert send(to=TO) == outcome


@pytest.mark.parametrize("code", [450, 550])
def test_who_is_refused_keeps_nobody_waiting_and_is_named(code, send, letters, mail_server):
    mail_server.answers = {"RCPT boss@example.org": f"{code} mailbox full"}
    assert isinstance(send(to=TO), Delivered)
    assert mail_server.envelope == ["dba@example.org"]
    [letter] = letters()
    for part in ("plain", "html"):
        said = letter.get_body((part,)).get_content()
        assert f"boss@example.org did not get this: refused with {code}" in said


@pytest.mark.parametrize("word", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_is_left_in_time(word, send, mail_server):
    mail_server.hangs_at = word
    began = time.monotonic()
    outcome = send(timeout_s=0.4)
    assert time.monotonic() - began < 2
    assert isinstance(outcome, Retry)
    assert outcome.why.startswith("no answer: ")
    assert mail_server.letters == []


def test_nobody_listens(send, mail_server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mail_server.port, port = probe.getsockname()[1], mail_server.port
        outcome = send()
    mail_server.port = port
    assert outcome == Retry(None, "no answer: ConnectionRefusedError")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_letter_goes_over_tls(security, send, mail_server, tls, certificate, monkeypatch, secret):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mail_server.tls, mail_server.is_tls_at_once = tls, security == "tls"
    mail_server.offers = ("STARTTLS", "AUTH PLAIN")
    outcome = send(security=security, username="cbcr", password="env:SECRET")
    assert isinstance(outcome, Delivered)
    assert mail_server.secured == [True]
    assert any(command.startswith("AUTH PLAIN") for command in mail_server.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(security, send, mail_server, tls):
    mail_server.tls, mail_server.is_tls_at_once = tls, security == "tls"
    mail_server.offers = ("STARTTLS",)
    outcome = send(security=security, username="cbcr", password="env:SECRET")
    assert outcome == Retry(None, "no answer: the certificate cannot be trusted")
    assert not [command for command in mail_server.commands if command.startswith("AUTH")]


def test_without_starttls_nothing_goes_in_the_clear(send, mail_server):
    outcome = send(security="starttls", username="cbcr", password="env:SECRET")
    assert isinstance(outcome, Rejected)
    assert "STARTTLS" in outcome.why
    assert mail_server.commands[1:] == []


def test_a_wrong_password_is_told_without_it(send, mail_server, secret, capfd):
    mail_server.offers = ("AUTH PLAIN",)
    mail_server.answers = {"AUTH": f"535 {secret} is wrong"}
    outcome = send(username="cbcr", password="env:SECRET")
    assert outcome == Rejected("the mail server said 535")
    assert secret not in "".join(capfd.readouterr())


def test_a_password_that_is_not_there_waits(send, mail_server):
    outcome = send(username="cbcr", password="env:NOWHERE")
    assert outcome == Retry(None, "the environment variable NOWHERE is not set")
    assert mail_server.commands == []


def test_a_line_with_one_dot_ends_no_letter(send, letters, message, member):
    dotted = replace(message, members=(replace(member, summary=".\r\n.\r\nQUIT"),))
    assert isinstance(send(Outgoing(dotted)), Delivered)
    [letter] = letters()
    assert "Dashboard http://dash" in letter.get_body(("plain",)).get_content()
