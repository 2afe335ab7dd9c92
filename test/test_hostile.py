"""Next hops that reply what no standard allows: the mail is deferred or reported, the server lives, and
nothing of it reaches a log, a report or a list unescaped."""

import json

import pytest

from support import messages
from support.reports import Report
from support.sink import SILENT
from support.smtp import submit
from support.wait import wait_until

VERBS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")

REPLIES = {
    "no digits": b"hello there\r\n",
    "two digits": b"25\r\n",
    "four digits": b"2500 ok\r\n",
    "a digit that is none": b"2x0 ok\r\n",
    "an empty line": b"\r\n",
    "class 0": b"050 ok\r\n",
    "class 1": b"150 ok\r\n",
    "class 6": b"650 ok\r\n",
    "class 9": b"999 ok\r\n",
    "another code in the second line": b"250-one\r\n550 two\r\n",
    "70,000 octets": b"550 " + b"x" * 70_000 + b"\r\n",
    "70,000 octets without an end": b"5" * 70_000,
    "endless continuation": b"550-more\r\n" * 20_000,
    "NUL": b"550 5.1.1 a\0b\r\n",
    "only NUL": b"\0" * 1000,
    "escapes": b"550 5.1.1 \x1b[2J\x1b]0;owned\x07\x9b31m\x08\x7f\r\n",
    "bare CR and LF": b"550 5.1.1 one\rtwo\nContent-Type: text/html\nthree\r\n",
    "not UTF-8": b"550 5.1.1 \xff\xfe\xc0\x80\xed\xa0\x80\r\n",
    "direction marks": "550 5.1.1 \u202egnp.exe\u2028 \u0085\r\n".encode(),
    "header injection": b"550 5.1.1 x\r\n\r\n250 Subject: owned\r\n",
    "enhanced code of another class": b"550 2.0.0 fine\r\n",
    "enhanced code too large": b"550 5.9999999999.1 x\r\n",
    "percent and braces": b"550 5.1.1 %s%n{}{0}\r\n",
    "a line of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
}

FORBIDDEN = (b"\x1b", b"\x07", b"\0", b"\x08", b"\x7f", "\u0085".encode(), "\u202e".encode(),
             "\u2028".encode(), b"\xff", b"\x9b31")


@pytest.fixture
def server(make_server, sink):
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1h"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    return made.domain("home.test", ("ann",)).start()


def outcome(server):
    """The first event that tells one."""

    def found():
        return [event for event in server.events.all()
                if event["event"] in ("deferred", "bounced", "unknown", "delivered")
                and event.get("to") == "bob@dest.test"]

    return wait_until(found, "no outcome", seconds=40)[0]


def assert_clean(octets, what):
    for forbidden in FORBIDDEN:
        assert forbidden not in octets, (what, forbidden)


def assert_everything_is_clean(server):
    for line in server.events.file.read_bytes().splitlines():
        assert_clean(line, "log")
        json.loads(line)
    assert_clean(server.stderr_file.read_bytes(), "stderr")
    message_ids = [message["id"] for message in server.queue()]
    for arguments in (["list"], ["list", "--json"], *(["show", i] for i in message_ids),
                      *(["show", i, "--json"] for i in message_ids)):
        done = server.run("queue", *arguments)
        assert done.returncode == 0
        assert_clean(done.stdout.encode(), arguments)
        assert all(len(line) < 8_000 or "--json" in arguments for line in done.stdout.splitlines())
    for content in server.maildir("ann@home.test").messages():
        report = Report(content)
        assert_clean(content, "report")
        assert max(map(len, content.split(b"\n"))) <= 998 and len(content) < 50_000
        assert report.message["Subject"] and report.message.get_content_type() == "multipart/report"
        assert len(report.recipients) == 1 and b"\nContent-Type: text/html" not in content


def replying(verb, octets):
    """A script that says these octets at this step, and closes."""

    def script(session, which, _):
        if which != verb:
            return None
        session._flush()
        session.transport.write(octets)
        session.transport.close()
        return SILENT

    return script


@pytest.mark.contract("bad.replies")
@pytest.mark.parametrize("octets", REPLIES.values(), ids=REPLIES.keys())
def test_a_hostile_reply_at_every_step(make_server, make_sink, octets):
    """A next hop for each step; then everything goes as if nothing had been."""
    sinks = {verb: make_sink(script=replying(verb, octets)) for verb in VERBS}
    server = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         queue={"retry": ["1h"]},
                         route=[{"recipient": f"{verb}.test", "via": f"smtp://{hop.address}"}
                                for verb, hop in sinks.items()])
    server.domain("home.test", ("ann",)).start()
    waiting = {f"bob@{verb}.test".lower() for verb in VERBS}
    for address in waiting:
        submit(server, address)

    def ended():
        return {event.get("to", "").lower() for event in server.events.all() if event["event"] in
                ("deferred", "bounced", "unknown") and isinstance(event.get("to"), str)} >= waiting

    wait_until(ended, lambda: [m["recipients"] for m in server.queue()], seconds=40)
    assert server.is_running() and not server.events.of("delivered", to="bob@rcpt.test")
    assert_everything_is_clean(server)
    for sink in sinks.values():
        sink.script = None
    server.wait_queue_empty(retry=True)
    submit(server, "carl@mail.test")
    wait_until(lambda: any(m.forward_paths == ["carl@mail.test"] for m in sinks["MAIL"].messages),
               "lost")


@pytest.mark.contract("bad.replies")
@pytest.mark.parametrize("octets", REPLIES.values(), ids=REPLIES.keys())
def test_the_list_shows_a_hostile_reply_escaped(server, sink, octets):
    """While the mail still waits: with 4yz in the place of 5yz."""
    hostile = octets.replace(b"550", b"450").replace(b"5.1.1", b"4.1.1")
    sink.script = lambda _, verb, __: hostile if verb == "RCPT" else None
    submit(server, "bob@dest.test")
    if not octets.endswith(b"\r\n"):
        wait_until(lambda: len(sink.sessions) > 0 and sink.sessions[0].commands, "not reached")
        wait_until(lambda: sink.sessions[0].closed or any(
            line.startswith("RCPT") for line in sink.sessions[0].commands), "no RCPT")
        sink.close()
    event = outcome(server)
    assert event["event"] in ("deferred", "bounced"), event
    assert_everything_is_clean(server)


@pytest.mark.contract("bad.replies")
@pytest.mark.parametrize("lines", [
    ["250-sink", "250-SIZE 99999999999999999999999", "250 8BITMIME"],
    ["250-sink", "250-SIZE -1", "250 8BITMIME"], ["250-sink", "250-SIZE", "250 8BITMIME"],
    ["250-sink", "250-" + "X" * 10_000, "250 8BITMIME"],
    ["250-sink"] + [f"250-EXTENSION{number}" for number in range(300)] + ["250 8BITMIME"],
    ["250-sink", "250-\x1b[31mAUTH PLAIN", "250 8BITMIME"],
    ["250-sink", "250-LIMITS RCPTMAX=0 MAILMAX=0", "250 8BITMIME"],
    ["250-sink", "250-LIMITS RCPTMAX=x", "250 8BITMIME"], ["250 "], ["250"]],
    ids=["SIZE too large", "SIZE -1", "SIZE without", "long keyword", "300 keywords", "controls",
         "LIMITS of 0", "LIMITS of x", "empty", "bare"])
def test_a_hostile_ehlo_reply(server, sink, lines):
    octets = ("\r\n".join(lines) + "\r\n").encode()
    sink.script = lambda _, verb, __: octets if verb == "EHLO" else None
    submit(server, "bob@dest.test")
    event = outcome(server)
    assert event["event"] in ("delivered", "deferred"), event
    assert_everything_is_clean(server)
    sink.script = None
    server.retry()
    wait_until(lambda: not server.queue(), lambda: server.queue())


@pytest.mark.contract("bad.replies")
@pytest.mark.parametrize("verb, reply, event", [
    ("MAIL", "354 go on", "deferred"), ("RCPT", "354 go on", "deferred"),
    ("DATA", "250 2.0.0 ok", "deferred"), ("CONTENT", "354 go on", None),
    ("CONNECT", "354 go on", "deferred"), ("MAIL", "221 2.0.0 bye", None)])
def test_a_positive_reply_of_the_wrong_class_is_no_success(server, sink, verb, reply, event):
    sink.script = lambda _, which, __: reply if which == verb else None
    submit(server, "bob@dest.test")
    if event:
        assert outcome(server)["event"] in (event, "bounced")
    else:
        assert outcome(server)["event"] in ("deferred", "unknown", "bounced", "delivered")
    if verb in ("DATA", "CONNECT", "RCPT"):
        assert not sink.messages
    assert server.is_running()


@pytest.mark.contract("bad.replies")
def test_more_replies_than_commands_are_not_taken_for_later_ones(server, sink):
    """A reply too many is not the reply to the next message."""
    sink.script = lambda session, verb, _: "550 5.7.1 no" if verb == "CONTENT" else (
        b"250 2.1.5 ok\r\n250 2.0.0 one too many\r\n" if verb == "RCPT" else None)
    submit(server, "bob@dest.test")
    assert outcome(server)["event"] != "delivered"


@pytest.mark.contract("bad.mail")
@pytest.mark.parametrize("content", [
    b"", b"\r\n", b"no colon\r\n\r\nx\r\n", b": empty name\r\n\r\n", b"Subject\r\n",
    b"X:\r\n starts with a fold\r\n\r\n", b"X: " + b"y" * 900 + b"\r\n" * 2,
    b"X-" + b"N" * 20_000 + b": 1\r\n\r\n", b"X-Received: " * 50 + b"\r\n\r\n",
    b"From: \xff\xfe\r\nSubject: \0\r\n\r\n\0\0\r\n", b"A: 1\r\n" * 5000 + b"\r\n"],
    ids=range(11))
def test_odd_contents_arrive_as_they_are(server, sink, content):
    """But for the blank line between our field and a content that begins with its body."""
    submit(server, "bob@dest.test", content=content, mail="BODY=8BITMIME")
    got = messages.without_received(sink.wait()[0].content)
    want = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert got in (want, b"\r\n" + want)
    assert got == want or content in (b"", b"Subject\r\n") or content.startswith((b"no c", b": e"))
