"""LMTP: Dovecot as the server behind a domain, scripted servers, and our own listener."""

import re
import smtplib

import pytest

from support import messages
from support.dovecot import Dovecot
from support.reports import reports
from support.smtp import Client, stuffed, submit
from support.wait import wait_until

CONTENTS = 60
QUOTA = 3000


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dovecot")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    made = Dovecot(folder, "dovecot.test", {"unix": None, "tcp": None, "ask": None, "full": QUOTA})
    yield made.start()
    made.stop()


def place(dovecot, kind):
    return f"lmtp:unix:{dovecot.unix}" if kind == "unix" else f"lmtp:127.0.0.1:{dovecot.lmtp_port}"


def behind(make_server, deliver, name="dovecot.test", recipients="any", **settings):
    """A server whose domain is delivered there."""
    settings.setdefault("queue", {"retry": ["1h"]})
    made = make_server(relay={"networks": ["127.0.0.1"]}, **settings)
    made.domain("home.test", ("ann",))
    made.set(domain=made.settings["domain"] + [
        {"name": name, "deliver": deliver, "recipients": recipients}])
    return made


# Dovecot.


@pytest.mark.contract("2.lmtp", "7.lmtp")
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_dovecot_keeps_every_octet(make_server, dovecot, kind):
    server = behind(make_server, place(dovecot, kind)).start()
    sent = {}
    for number, body in enumerate(messages.odd_bodies(seed=5, count=CONTENTS)):
        message_id = f"<{kind}.{number}@odd.test>"
        sent[message_id] = messages.simple(f"odd {number}", "", message_id) + body
    with Client(server.port) as client:
        client.ehlo()
        for content in sent.values():
            assert client.mail(content, "ann@home.test", f"{kind}@dovecot.test",
                               parameters=" BODY=8BITMIME").code == 250
    got = {}
    for content in dovecot.wait(kind, CONTENTS, seconds=40):
        # Dovecot's fields, then ours, then what was sent.
        fields, content = content.split(b"Received: from client.test", 1)
        assert fields.count(b"Return-Path:") == fields.count(b"Delivered-To:") == 1
        content = messages.without_received(b"Received: from client.test" + content)
        got[re.search(rb"Message-ID: (\S+)", content)[1].decode()] = content
    assert got == sent
    event = server.events.wait("delivered", CONTENTS)[0]
    assert event["via"] == place(dovecot, kind) and event["reply"].startswith("250 2.0.0")
    server.wait_queue_empty()


@pytest.mark.contract("7.lmtp", "reports.words")
def test_dovecots_refusals_become_reports_with_its_words(make_server, dovecot):
    server = behind(make_server, place(dovecot, "unix")).start()
    big = messages.simple("big", ("x" * 70 + "\r\n") * (QUOTA // 70 + 1))
    submit(server, "nobody@dovecot.test", "full@dovecot.test", "unix@dovecot.test", content=big)
    server.events.wait("bounced", 2)
    box = server.maildir("ann@home.test")
    found = {recipient["Final-Recipient"]: (recipient["Status"], recipient["Diagnostic-Code"],
                                            report.human)
             for report in reports(box) for recipient in report.recipients}
    wait_until(lambda: sum(len(report.recipients) for report in reports(box)) == 2, "not told")
    found = {recipient["Final-Recipient"]: (recipient["Status"], recipient["Diagnostic-Code"],
                                            report.human)
             for report in reports(box) for recipient in report.recipients}
    status, diagnostic, human = found["rfc822; nobody@dovecot.test"]
    assert status == "5.1.1" and "550 5.1.1" in diagnostic
    assert "User doesn't exist" in " ".join(diagnostic.split())
    assert "User doesn't exist" in " ".join(human.split())
    status, diagnostic, human = found["rfc822; full@dovecot.test"]
    assert status == "5.2.2" and "Quota exceeded" in " ".join(diagnostic.split())
    assert "Quota exceeded" in " ".join(human.split())
    server.events.wait("delivered", to="unix@dovecot.test")


@pytest.mark.contract("2.ask")
def test_dovecot_is_asked_for_recipients(make_server, dovecot):
    server = behind(make_server, place(dovecot, "tcp"), recipients="ask").start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("ann@home.test")
        assert client.command("RCPT TO:<nobody@dovecot.test>").is_("550 5.1.1")
        assert client.command("RCPT TO:<ask@dovecot.test>").is_("250 2.1.5")
        assert client.command("DATA").code == 354
        client.send(stuffed(messages.simple("asked")))
        assert client.reply().code == 250
    assert b"Subject: asked" in dovecot.wait("ask")[0]


# Scripted servers.


@pytest.fixture
def lmtp(make_sink):
    return make_sink(lmtp=True)


@pytest.mark.contract("2.ask")
def test_an_answer_is_remembered_for_a_while(make_server, lmtp):
    lmtp.script = lambda _, verb, argument: "550 5.1.1 who?" if verb == "RCPT" and "no" in argument \
        else None
    server = behind(make_server, f"lmtp:{lmtp.address}", "dest.test", "ask").start()
    for _ in range(3):
        with Client(server.port) as client:
            client.ehlo()
            client.envelope("ann@home.test", "bob@dest.test")
            assert client.command("RCPT TO:<no@dest.test>").is_("550 5.1.1")
    asked = [line for session in lmtp.sessions for line in session.commands
             if line.startswith("RCPT")]
    assert len(asked) == 2, asked
    assert not lmtp.messages


@pytest.mark.contract("2.ask")
@pytest.mark.parametrize("how", ["down", "4yz"])
def test_when_the_server_cannot_be_asked_the_client_hears_451(make_server, lmtp, how):
    if how == "down":
        lmtp.close()
    else:
        lmtp.script = lambda _, verb, __: "451 4.3.0 later" if verb == "RCPT" else None
    server = behind(make_server, f"lmtp:{lmtp.address}", "dest.test", "ask").start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("ann@home.test")
        assert client.command("RCPT TO:<bob@dest.test>").is_("451 4")


@pytest.mark.contract("7.lmtp")
def test_each_recipient_has_a_reply_of_its_own_after_the_dot(make_server, lmtp):
    replies = {"ok": None, "later": "450 4.2.0 locked", "no": "552 5.2.2 full"}
    lmtp.script = lambda _, verb, argument: replies[argument.split("@")[0]] \
        if verb == "CONTENT" else None
    server = behind(make_server, f"lmtp:{lmtp.address}", "dest.test").start()
    content = messages.simple("x", ".\r\n..\r\n\u00fc\r\n")
    submit(server, "ok@dest.test", "later@dest.test", "no@dest.test", content=content,
           mail="BODY=8BITMIME")
    message = lmtp.wait()[0]
    assert message.forward_paths == ["ok@dest.test"]
    assert message.session.commands[0] == "LHLO mx.posthaste.test"
    # CRLF, and nothing of ours but the Received field.
    assert message.content.startswith(b"Received: from client.test")
    assert messages.without_received(message.content) == content
    server.events.wait("delivered", to="ok@dest.test")
    assert server.events.wait("deferred")[0]["to"] == "later@dest.test"
    assert server.events.wait("bounced")[0]["reply"] == "552 5.2.2 full"
    replies["later"] = None
    server.retry()
    assert lmtp.wait(2)[1].forward_paths == ["later@dest.test"]
    server.wait_queue_empty()


@pytest.mark.contract("7.lmtp")
def test_a_lost_connection_between_the_replies_leaves_the_rest_queued(make_server, lmtp):
    lmtp.script = lambda _, verb, argument: "close" \
        if verb == "CONTENT" and argument.startswith("two") else None
    server = behind(make_server, f"lmtp:{lmtp.address}", "dest.test").start()
    submit(server, "one@dest.test", "two@dest.test")
    server.events.wait("delivered", to="one@dest.test")
    wait_until(lambda: [[r["to"] for r in m["recipients"]] for m in server.queue()]
               == [["two@dest.test"]], lambda: server.queue())
    lmtp.script = None
    server.retry()
    wait_until(lambda: [m for m in lmtp.messages if m.forward_paths == ["two@dest.test"]], "not sent")


@pytest.mark.contract("7.lmtp")
def test_a_socket_that_is_missing_defers(make_server, make_sink, folder):
    path = folder / "socket"
    server = behind(make_server, f"lmtp:unix:{path}", "dest.test").start()
    submit(server, "bob@dest.test")
    event = server.events.wait("deferred")[0]
    assert event["to"] == "bob@dest.test"
    sink = make_sink(lmtp=True, unix=path)
    server.retry()
    assert sink.wait()[0].forward_paths == ["bob@dest.test"]


@pytest.mark.contract("6.route.via")
def test_lmtp_as_a_route(make_server, lmtp):
    server = behind(make_server, "discard:", "dest.test",
                    route=[{"recipient": "far.test", "via": f"lmtp:{lmtp.address}"}]).start()
    submit(server, "bob@far.test")
    assert lmtp.wait()[0].forward_paths == ["bob@far.test"]


# The listener.


@pytest.fixture
def listening(make_server, folder, certificate):
    """Clients of this network may relay by mx, but not by lmtp."""
    made = make_server(roles=("lmtp", "mx"), relay={"networks": ["127.0.0.1"],
                                                    "domains": ["backup.test"]},
                       tls={"certificate": certificate[0], "key": certificate[1]},
                       delivery={"port": 9})
    made.unix = folder / "lmtp"
    made.set(listener=made.settings["listener"] + [
        {"address": f"unix:{made.unix}", "role": "lmtp"}])
    return made.domain("dest.test", ("bob", "carl")).start()


def lmtp_client(server, kind):
    if kind == "unix":
        return smtplib.LMTP(str(server.unix))
    return smtplib.LMTP("127.0.0.1", server.ports["lmtp"])


@pytest.mark.contract("5.lmtp-listener", "2.listener.unix")
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_smtplib_submits_by_lmtp(listening, kind):
    with lmtp_client(listening, kind) as client:
        client.sendmail("a@b.test", ["bob@dest.test"], messages.simple("by lmtp"))
        client.sendmail("", ["bob@dest.test"], messages.simple("by lmtp"))
    stored = listening.maildir("bob@dest.test").wait(2)[0]
    assert b"Subject: by lmtp" in stored and re.search(rb"\swith LMTP\s", stored)
    received = listening.events.of("received")
    assert len(received) == 2


@pytest.mark.contract("5.lmtp-listener")
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_one_reply_for_each_accepted_recipient(listening, kind):
    with lmtp_client(listening, kind) as client:
        client.lhlo() if hasattr(client, "lhlo") else client.ehlo()
        assert client.mail("a@b.test")[0] == 250
        assert client.rcpt("bob@dest.test")[0] == 250
        code, text = client.rcpt("nobody@dest.test")
        assert code == 550 and text.startswith(b"5.1.1")
        assert client.rcpt("carl@dest.test")[0] == 250
        replies = [client.data(messages.simple("both"))] + [client.getreply()]
        assert [code for code, _ in replies] == [250, 250]
        assert client.noop()[0] == 250
    for user in ("bob", "carl"):
        listening.maildir(f"{user}@dest.test").wait()
    assert len(listening.events.of("received")) == 1


@pytest.mark.contract("5.lmtp-listener")
def test_a_refused_content_is_refused_for_each_recipient(make_server):
    server = make_server(roles=("lmtp",), limits={"message_size": "1KiB"})
    server.domain("dest.test", ("bob", "carl")).start()
    with smtplib.LMTP("127.0.0.1", server.port) as client:
        client.ehlo()
        client.mail("a@b.test")
        client.rcpt("bob@dest.test")
        client.rcpt("carl@dest.test")
        replies = [client.data(messages.simple("x", "x" * 70 + "\r\n" * 600)), client.getreply()]
        assert [code for code, _ in replies] == [552, 552]
        assert client.noop()[0] == 250


@pytest.mark.contract("5.lmtp-listener", "6.lmtp-ours-only")
@pytest.mark.parametrize("dialogue, want", [
    (["EHLO x"], ("500 5.5.1", "502 5.5.1")),
    (["HELO x"], ("500 5.5.1", "502 5.5.1")),
    (["LHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<a@elsewhere.test>"], "550 5.7.1"),
    (["LHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<a@backup.test>"], "550 5.7.1"),
    (["LHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<bob@dest.test>"], "250 2.1.5"),
    (["LHLO x", "MAIL FROM:<a@b.test>", "DATA"], ("503 5.5.1", "554 5.5.1")),
    (["MAIL FROM:<a@b.test>"], "503 5.5.1"),
    (["LHLO x", "AUTH PLAIN AGEAYg=="], ("502 5.5.1", "503 5.5.1", "538 5.7.11"))],
    ids=lambda value: value[-1] if isinstance(value, list) else "")
def test_what_the_lmtp_listener_replies(listening, dialogue, want):
    with Client(listening.ports["lmtp"]) as client:
        for line in dialogue[:-1]:
            assert client.command(line).code == 250
        reply = client.command(dialogue[-1])
        assert reply.is_(*([want] if isinstance(want, str) else want)), reply


@pytest.mark.contract("5.lmtp-listener")
def test_lhlo_is_no_command_of_an_mx_listener(listening):
    with Client(listening.ports["mx"]) as client:
        assert client.command("LHLO x").is_("500 5.5.1", "502 5.5.1")
