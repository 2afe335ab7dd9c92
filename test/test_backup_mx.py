"""We are the backup MX of dest.test: what the primary does not know is refused at RCPT."""

import time

import pytest

from support import messages, ports
from support.sink import SILENT
from support.smtp import Client


def reload(server):
    before = len(server.events.of("reloaded"))
    server.reload()
    server.events.wait("reloaded", before + 1)


def refusing(*names):
    """A script that knows all recipients but these."""
    def script(session, verb, argument):
        if verb == "RCPT" and any(f"<{name}@" in argument for name in names):
            return "550 5.1.1 nobody"
        return None

    return script


class Backup:
    """Ourselves at 127.0.0.1, preference 20; the primary at 127.0.0.2."""

    def __init__(self, make_server, make_sink, dns):
        self.make_sink = make_sink
        self.port = ports.free_port(("127.0.0.1", "127.0.0.2"))
        dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test"), (20, "mx.posthaste.test")]},
                         "one.dest.test": {"A": ["127.0.0.2"]},
                         "mx.posthaste.test": {"A": ["127.0.0.1"]}})
        made = make_server(relay={"domains": ["dest.test", "other.test"], "ask": True},
                           dns={"servers": [dns.address]}, queue={"retry": ["1s"]},
                           delivery={"port": self.port, "tls": "off"})
        self.server = made.domain("home.test", ("ann",)).start()

    def primary(self, **options):
        return self.make_sink("127.0.0.2", self.port, **options)

    def rcpt(self, *addresses):
        with Client(self.server.port) as client:
            client.ehlo()
            assert client.command("MAIL FROM:<x@away.test>").code == 250
            return [client.command(f"RCPT TO:<{address}>") for address in addresses]


@pytest.fixture
def backup(make_server, make_sink, dns):
    return Backup(make_server, make_sink, dns)


def test_recipients_are_asked_at_the_primary(backup):
    primary = backup.primary(script=refusing("nobody"))
    known, unknown = backup.rcpt("bob@dest.test", "nobody@dest.test")
    assert known.code == 250 and unknown.is_("550 5.1.1")
    assert [line.split(" SIZE")[0] for session in primary.sessions for line in session.commands
            if not line.startswith(("EHLO", "QUIT"))] == [
        "MAIL FROM:<>", "RCPT TO:<bob@dest.test>", "MAIL FROM:<>", "RCPT TO:<nobody@dest.test>"]
    backup.server.events.wait("rejected", reason="the next hop of the relay domain says so")
    assert not primary.messages


def test_answers_are_remembered(backup):
    primary = backup.primary(script=refusing("nobody"))
    for _ in range(3):
        known, unknown = backup.rcpt("bob@dest.test", "nobody@dest.test")
        assert (known.code, unknown.code) == (250, 550)
    assert len(primary.sessions) == 2


def test_while_the_primary_is_down_all_is_taken_and_delivered_later(backup):
    with Client(backup.server.port) as client:
        client.ehlo()
        reply = client.mail(messages.simple(), "x@away.test", "bob@dest.test", "nobody@dest.test")
        assert reply.code == 250
    primary = backup.primary(script=refusing("nobody"))
    assert primary.wait()[0].forward_paths == ["bob@dest.test"]
    backup.server.events.wait("bounced", to="nobody@dest.test")


@pytest.mark.parametrize("verb, reply", [
    ("CONNECT", "421 4.3.2 not now"), ("MAIL", "550 5.7.1 no null senders"),
    ("RCPT", "450 4.2.0 greylisted")])
def test_what_is_no_answer_lets_the_recipient_in(backup, verb, reply):
    backup.primary(script=lambda session, which, _: reply if which == verb else None)
    assert backup.rcpt("bob@dest.test")[0].code == 250


def test_a_primary_that_says_nothing_is_not_waited_for_for_ever(backup):
    backup.primary(script=lambda session, which, _: SILENT if which == "CONNECT" else None)
    begin = time.monotonic()
    assert backup.rcpt("bob@dest.test")[0].code == 250
    assert time.monotonic() - begin < 30


def test_a_domain_of_which_we_are_the_only_host_is_taken(backup, dns):
    dns.zone.update({"other.test": {"MX": [(10, "mx.posthaste.test")]}})
    assert backup.rcpt("bob@other.test")[0].code == 250


def test_without_the_key_nobody_is_asked(make_server, make_sink, dns):
    backup = Backup(make_server, make_sink, dns)
    primary = backup.primary(script=refusing("nobody"))
    backup.server.set(relay={"ask": False})
    reload(backup.server)
    assert backup.rcpt("nobody@dest.test")[0].code == 250
    assert not primary.sessions
