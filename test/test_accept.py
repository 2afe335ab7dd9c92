"""What the mx listener takes and refuses, octet by octet, and what closes a connection."""

import re
import socket

import pytest

from support import messages, tls
from support.smtp import Client, Closed, stuffed, tls_client
from support.wait import wait_until

MESSAGE_SIZE = 64 * 1024
RECIPIENTS = 5
USERS = ("bob", "Carol", "d1", "d2", "d3", "d4", "d5", "d6")


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("accept")


@pytest.fixture(scope="module")
def server(module_folder, certificate):
    """One server for all tests that need no special configuration."""
    from support.server import Server

    made = Server(module_folder, roles=("mx", "submission", "submissions"),
                  tls={"certificate": certificate[0], "key": certificate[1]},
                  limits={"message_size": "64KiB", "recipients": RECIPIENTS},
                  relay={"domains": ["backup.test"]}, delivery={"port": 9})
    made.domain("dest.test", USERS).domain("xn--mnchen-3ya.test", ("bob",))
    made.set(domain=made.settings["domain"] + [
        {"name": "any.test", "deliver": "discard:", "recipients": "any"}])
    made.start()
    yield made
    made.close()


@pytest.fixture
def client(server):
    with Client(server.port) as made:
        made.ehlo()
        yield made


def assert_enhanced(reply):
    """A code of the reply's own class [RFC2034 4]."""
    assert re.match(rf"{str(reply.code)[0]}\.\d{{1,3}}\.\d{{1,3}} ", reply.text), reply


# Row by row: what the client says after EHLO, and how the last reply begins. The replies before the
# last one are positive.
REPLIES = [
    ("unknown recipient", ["MAIL FROM:<a@b.test>", "RCPT TO:<nobody@dest.test>"], "550 5.1.1"),
    ("relaying denied", ["MAIL FROM:<a@b.test>", "RCPT TO:<a@elsewhere.test>"], "550 5.7.1"),
    ("a domain below ours is not ours", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@x.dest.test>"],
     "550 5.7.1"),
    ("our address as reverse-path permits nothing",
     ["MAIL FROM:<bob@dest.test>", "RCPT TO:<a@elsewhere.test>"], "550 5.7.1"),
    ("null reverse-path permits nothing", ["MAIL FROM:<>", "RCPT TO:<a@elsewhere.test>"],
     "550 5.7.1"),
    ("percent means nothing", ["MAIL FROM:<a@b.test>", "RCPT TO:<a%elsewhere.test@dest.test>"],
     "550 5.1.1"),
    ("bang means nothing", ["MAIL FROM:<a@b.test>", "RCPT TO:<elsewhere.test!a@dest.test>"],
     "550 5.1.1"),
    ("quoted address in the local-part", ["MAIL FROM:<a@b.test>",
                                          'RCPT TO:<"a@elsewhere.test"@dest.test>'], "550 5.1.1"),
    ("route through us", ["MAIL FROM:<a@b.test>", "RCPT TO:<@dest.test:a@elsewhere.test>"],
     "550 5.7.1"),
    ("known recipient", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@dest.test>"], "250 2.1.5"),
    ("case of the local-part does not count",
     ["MAIL FROM:<a@b.test>", "RCPT TO:<BOB@dest.test>"], "250"),
    ("case of the domain does not count", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@DEST.test>"],
     "250"),
    ("A-label", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@XN--MNCHEN-3YA.test>"], "250"),
    ("quoted local-part of the same mailbox",
     ["MAIL FROM:<a@b.test>", 'RCPT TO:<"bob"@dest.test>'], "250"),
    ("plus address", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob+lists@dest.test>"], "250"),
    ("plus address of nobody", ["MAIL FROM:<a@b.test>", "RCPT TO:<nobody+bob@dest.test>"],
     "550 5.1.1"),
    ("route is stripped", ["MAIL FROM:<a@b.test>", "RCPT TO:<@x.test,@y.test:bob@dest.test>"],
     "250"),
    ("backup MX", ["MAIL FROM:<a@b.test>", "RCPT TO:<who@backup.test>"], "250"),
    ("any recipient", ["MAIL FROM:<a@b.test>", "RCPT TO:<who@any.test>"], "250"),
    ("bare postmaster", ["MAIL FROM:<a@b.test>", "RCPT TO:<PostMaster>"], "250"),
    ("postmaster of a domain of ours", ["MAIL FROM:<>", "RCPT TO:<postmaster@dest.test>"], "250"),
    ("space before the paths", ["MAIL FROM: <a@b.test>", "RCPT TO: <bob@dest.test>"], "250"),
    ("verbs in lower case", ["mail from:<a@b.test>", "rcpt to:<bob@dest.test>"], "250"),
    ("SIZE at the limit", [f"MAIL FROM:<a@b.test> SIZE={MESSAGE_SIZE}"], "250"),
    ("SIZE past the limit", [f"MAIL FROM:<a@b.test> SIZE={MESSAGE_SIZE + 1}"], "552 5.3.4"),
    ("SIZE of twenty digits", ["MAIL FROM:<a@b.test> SIZE=99999999999999999999"], "552 5.3.4"),
    ("SIZE of no digits", ["MAIL FROM:<a@b.test> SIZE=12x"], ("501 5.5.4", "555 5.5.4")),
    ("BODY", ["MAIL FROM:<a@b.test> BODY=8BITMIME SIZE=10"], "250"),
    ("RCPT before MAIL", ["RCPT TO:<bob@dest.test>"], "503 5.5.1"),
    ("DATA before MAIL", ["DATA"], ("503 5.5.1", "554 5.5.1")),
    ("DATA before RCPT", ["MAIL FROM:<a@b.test>", "DATA"], ("503 5.5.1", "554 5.5.1")),
    ("MAIL twice", ["MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>"], "503 5.5.1"),
    ("RSET ends the transaction", ["MAIL FROM:<a@b.test>", "RSET", "RCPT TO:<bob@dest.test>"],
     "503 5.5.1"),
    ("EHLO ends the transaction", ["MAIL FROM:<a@b.test>", "EHLO x", "RCPT TO:<bob@dest.test>"],
     "503 5.5.1"),
    ("doubled dot in RCPT", ["MAIL FROM:<a@b.test>", "RCPT TO:<a..b@dest.test>"], "501 5.1.3"),
    ("no domain in RCPT", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob>"], "501 5.1.3"),
    ("null forward-path", ["MAIL FROM:<a@b.test>", "RCPT TO:<>"], "501 5.1.3"),
    ("doubled dot in MAIL", ["MAIL FROM:<a..b@b.test>"], "501 5.1.7"),
    ("space in MAIL's address", ["MAIL FROM:<a b@b.test>"], "501 5.1.7"),
    ("NUL in MAIL's address", ["MAIL FROM:<a\0b@b.test>"], "501 5.1.7"),
    ("no left bracket", ["MAIL FROM:a@b.test"], ("501 5.5.4", "555 5.5.4")),
    ("no right bracket", ["MAIL FROM:<a@b.test"], ("501 5.5.4", "555 5.5.4")),
    ("no right bracket in RCPT", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@dest.test"],
     ("501 5.5.4", "555 5.5.4")),
    ("text after the path", ["MAIL FROM:<a@b.test>x"], ("501 5.5.4", "555 5.5.4")),
    ("unknown parameter", ["MAIL FROM:<a@b.test> FOO=bar"], ("501 5.5.4", "555 5.5.4")),
    ("unknown parameter of RCPT", ["MAIL FROM:<a@b.test>", "RCPT TO:<bob@dest.test> FOO=bar"],
     ("501 5.5.4", "555 5.5.4")),
    ("parameters that are not offered", ["MAIL FROM:<a@b.test> HOLDFOR=5"],
     ("501 5.5.4", "555 5.5.4")),
    ("no FROM:", ["MAIL <a@b.test>"], ("501 5.5.4", "500 5.5.2")),
    ("non-ASCII reverse-path", ["MAIL FROM:<\u00e4@b.test>"], ("550 5.6.7", "501")),
    ("non-ASCII forward-path", ["MAIL FROM:<a@b.test>", "RCPT TO:<\u00e4@dest.test>"],
     ("553 5.6.7", "501")),
    ("unknown command", ["WIZ"], "500 5.5.1"),
    ("EXPN", ["EXPN list"], "502 5.5.1"),
    ("TURN", ["TURN"], ("500 5.5.1", "502 5.5.1")),
    ("AUTH without TLS", ["AUTH PLAIN AGEAYg=="], "538 5.7.11"),
    ("NOOP", ["NOOP"], "250 2.0.0"),
    ("NOOP with an argument", ["NOOP what ever"], "250 2.0.0"),
    ("HELP", ["HELP"], "214 2"),
    ("RSET", ["RSET"], "250 2.0.0"),
    ("empty line", [""], ("500 5.5.1", "500 5.5.2")),
    ("QUIT", ["QUIT"], "221 2"),
]


@pytest.mark.parametrize("dialogue, want", [row[1:] for row in REPLIES],
                         ids=[row[0] for row in REPLIES])
def test_reply(client, dialogue, want):
    for line in dialogue[:-1]:
        assert client.command(line).code == 250
    reply = client.command(dialogue[-1])
    assert reply.is_(*([want] if isinstance(want, str) else want)), reply
    assert_enhanced(reply)


def test_mail_before_ehlo_is_out_of_order(server):
    with Client(server.port) as client:
        assert client.command("MAIL FROM:<a@b.test>").is_("503 5.5.1")
        assert client.command("HELO client.test").code == 250
        assert client.command("MAIL FROM:<a@b.test>").code == 250


def test_ehlo_offers_what_works(server):
    with Client(server.port) as client:
        offered = client.ehlo().lines
    assert offered[0].startswith("250-mx.posthaste.test")
    keywords = {line[4:].upper() for line in offered[1:]}
    assert {"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS",
            f"SIZE {MESSAGE_SIZE}"} <= keywords
    assert not any(word.startswith("AUTH") for word in keywords)


def test_starttls_forgets_what_was_said_and_is_not_offered_again(server, authority):
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@b.test", "bob@dest.test")
        client.command("RSET")
        client.start_tls(tls.client_context(authority))
        assert client.command("MAIL FROM:<a@b.test>").is_("503 5.5.1")
        assert "STARTTLS" not in client.ehlo().text
        assert client.command("STARTTLS").is_("503 5.5.1", "502 5.5.1")
        assert client.command("AUTH PLAIN AGEAYg==").is_("502 5.5.1", "503 5.5.1")
        assert client.mail(messages.simple(), "a@b.test", "bob@dest.test").code == 250


def test_source_routes_can_be_refused_before_any_question_of_permission(make_server):
    server = make_server(relay={"source_routes": "refuse"}).domain("dest.test", ("bob",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@b.test", "bob@dest.test")
        assert client.command("RCPT TO:<@x.test:bob@dest.test>").is_("550 5.1.3")
        assert client.command("RCPT TO:<@x.test:bob@elsewhere.test>").is_("550 5.1.3")


def test_clients_that_may_relay_hear_of_unknown_recipients_too(make_server):
    server = make_server(relay={"networks": ["127.0.0.1"]}).domain("dest.test", ("bob",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@b.test", "a@elsewhere.test", "bob@dest.test")
        assert client.command("RCPT TO:<nobody@dest.test>").is_("550 5.1.1")
    with Client(server.port, source="127.0.0.2") as client:
        client.ehlo()
        client.envelope("a@b.test")
        assert client.command("RCPT TO:<a@elsewhere.test>").is_("550 5.7.1")


def test_one_recipient_too_many_gets_452_and_refused_ones_do_not_count(client):
    client.envelope("a@b.test")
    assert client.command("RCPT TO:<nobody@dest.test>").code == 550
    for number in range(1, RECIPIENTS + 1):
        assert client.command(f"RCPT TO:<d{number}@dest.test>").code == 250
    assert client.command("RCPT TO:<d6@dest.test>").is_("452 4.5.3")
    assert client.command("DATA").code == 354
    client.send(stuffed(messages.simple()))
    assert client.reply().code == 250


@pytest.mark.parametrize("past, want", [(0, "250 2"), (1, "552 5.3.4")], ids=["at", "one past"])
def test_message_size_counts_the_content_without_stuffed_dots(client, past, want):
    head = b"Subject: size\r\n\r\n"
    line = b".234567890123456789012345678901234567890123456789012345678901\r\n"
    lines = line * ((MESSAGE_SIZE - len(head)) // len(line) - 1)
    rest = MESSAGE_SIZE + past - len(head) - len(lines)
    content = head + lines + b"x" * (rest - 2) + b"\r\n"
    assert len(content) == MESSAGE_SIZE + past
    assert client.mail(content, "a@b.test", "bob@dest.test").is_(want)
    assert client.mail(messages.simple(), "a@b.test", "bob@dest.test").code == 250


NOBODY = "nothing-comes-from@b.test"


def assert_nothing_came(server):
    """Of what a test sent as NOBODY."""
    assert not server.events.of("received", **{"from": NOBODY})


SMUGGLING = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\r", "CR.LF": b"\r.\n", "LF.CR": b"\n.\r",
    "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n", "CRLF.CRCRLF": b"\r\n.\r\r\n", "LFCR.LFCR": b"\n\r.\n\r",
}


@pytest.mark.parametrize("end", SMUGGLING.values(), ids=SMUGGLING.keys())
@pytest.mark.parametrize("cut", [False, True], ids=["in one segment", "octet by octet"])
def test_smuggled_ends_never_make_a_second_message(server, end, cut):
    rejected = len(server.events.of("rejected"))
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("first@b.test", "bob@dest.test")
        assert client.command("DATA").code == 354
        octets = b"Subject: one\r\n\r\nfirst" + end + (
            b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<bob@dest.test>\r\nDATA\r\n"
            b"Subject: two\r\n\r\nsecond\r\n.\r\nNOOP\r\nQUIT\r\n")
        try:
            for piece in [octets[i : i + 1] for i in range(len(octets))] if cut else [octets]:
                client.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The server has closed already, as it should.
        replies = client.all_replies()
    assert [reply.is_("550 5.6.0") for reply in replies] == [True], replies
    wait_until(lambda: len(server.events.of("rejected")) > rejected, "no event")
    for reverse_path in ("first@b.test", "evil@b.test"):
        assert server.events.of("received", **{"from": reverse_path}) == []


@pytest.mark.parametrize("octets", [b"a\nb\r\n", b"a\rb\r\n", b"\n", b"\r\r\n", b"a\r"],
                         ids=["LF", "CR", "LF alone", "CRCRLF", "CR at the end"])
def test_bare_cr_or_lf_in_content_is_refused_and_closes(server, octets):
    with Client(server.port) as client:
        client.ehlo()
        client.envelope(NOBODY, "bob@dest.test")
        assert client.command("DATA").code == 354
        client.send(b"Subject: x\r\n\r\n" + octets + b"\r\n.\r\nNOOP\r\n")
        replies = client.all_replies()
    assert [reply.is_("550 5.6.0") for reply in replies] == [True], replies
    assert_nothing_came(server)


@pytest.mark.parametrize("octets", [b"NOOP\nNOOP\r\n", b"NOOP\rNOOP\r\n", b"NOOP\n", b"NOOP\r\r\n",
                                    b"MAIL FROM:<a@b.test>\nRCPT TO:<bob@dest.test>\r\n"])
def test_bare_cr_or_lf_in_a_command_is_refused_and_closes(server, octets):
    with Client(server.port) as client:
        client.ehlo()
        client.send(octets + b"NOOP\r\n")
        replies = client.all_replies()
    assert [reply.is_("500 5.5.2") for reply in replies] == [True], replies


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"MAIL FROM:<a@b.test>\r\n", b"x"])
def test_input_behind_starttls_closes_the_connection(server, injected):
    with Client(server.port) as client:
        client.ehlo()
        client.send(b"STARTTLS\r\n" + injected)
        assert [reply.code for reply in client.all_replies()] in ([], [220])


@pytest.mark.parametrize("octets", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<" + NOBODY.encode() + b">\r\n"
    b"RCPT TO:<bob@dest.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n",
    b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nHELO x\r\n",
    b"\x16\x03\x01\x00\x05EHLO x\r\nNOOP\r\n",
], ids=["GET", "POST", "TLS"])
def test_other_protocols_are_cut_off_and_nothing_of_them_is_obeyed(server, octets):
    with Client(server.port) as client:
        client.send(octets)
        assert not [reply for reply in client.all_replies() if reply.code < 400]
    assert_nothing_came(server)


def test_a_whole_session_in_one_segment(server):
    with Client(server.port) as client:
        content = messages.simple("pipelined")
        client.send(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@dest.test>\r\n"
                    b"RCPT TO:<nobody@dest.test>\r\nDATA\r\n" + stuffed(content) +
                    b"MAIL FROM:<>\r\nRCPT TO:<bob@dest.test>\r\nDATA\r\n" + stuffed(content) +
                    b"NOOP\r\nQUIT\r\n")
        codes = [reply.code for reply in client.all_replies()]
    assert codes == [250, 250, 250, 550, 354, 250, 250, 250, 354, 250, 250, 221]


def test_a_whole_session_octet_by_octet(server):
    with Client(server.port) as client:
        session = (b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@dest.test>\r\nDATA\r\n"
                   + stuffed(".\r\n..\r\nx\r\n") + b"QUIT\r\n")
        for octet in session:
            client.send(bytes([octet]))
        assert [reply.code for reply in client.all_replies()] == [250, 250, 250, 354, 250, 221]


def test_data_without_a_recipient_does_not_take_content_for_commands(server):
    """The client of a pipeline hears 503 to DATA; its content are commands then, refused ones."""
    with Client(server.port) as client:
        client.ehlo()
        client.send(f"MAIL FROM:<{NOBODY}>\r\nRCPT TO:<nobody@dest.test>\r\nDATA\r\n".encode())
        assert [reply.code for reply in client.replies(3)][:2] == [250, 550]
        assert client.command("RSET").code == 250
    assert_nothing_came(server)


@pytest.mark.parametrize("length, want", [(512, "250"), (100_000, "500 5.5.2")])
def test_long_command_lines(client, length, want):
    assert client.command("NOOP " + "x" * (length - 7)).is_(want)
    assert client.command("NOOP").code == 250


def test_paths_of_full_length(client):
    domain = ".".join(["d" * 62] * 3) + ".test"
    assert client.command(f"MAIL FROM:<{'l' * 64}@{domain}>").code == 250
    assert client.command(f"RCPT TO:<{'l' * 300}@dest.test>").is_("501 5.1.3")


def test_vrfy_tells_nothing_that_rcpt_would_not(client):
    known, unknown = client.command("VRFY bob@dest.test"), client.command("VRFY no@dest.test")
    assert known.code == unknown.code == 252 or (known.code, unknown.code) == (250, 550)
    assert_enhanced(known)


def test_a_few_mistakes_do_no_harm(client):
    for number in range(5):
        assert client.command(f"JUNK {number}").code == 500
    for _ in range(8):
        assert client.command("RSET").code == 250
    assert client.mail(messages.simple(), "a@b.test", "bob@dest.test").code == 250


@pytest.mark.parametrize("line, count", [("JUNK", 1000), ("RCPT TO:<no{}@dest.test>", 500)],
                         ids=["junk lines", "unknown recipients"])
def test_abuse_is_cut_off(server, line, count):
    with Client(server.port) as client:
        client.ehlo()
        client.command("MAIL FROM:<a@b.test>")
        replies = []
        try:
            for number in range(count):
                client.send(line.format(number) + "\r\n")
                replies.append(client.reply())
        except (Closed, OSError):
            pass
    assert len(replies) < count
    assert replies[-1].code in (421, 500, 550), replies[-1]
    with Client(server.port) as client:
        assert client.ehlo().code == 250


def test_more_sessions_than_sessions_per_client_are_turned_away(make_server):
    server = make_server(limits={"sessions_per_client": 3, "sessions": 5}).start()
    clients = [Client(server.port) for _ in range(3)]
    assert all(client.greeting.code == 220 for client in clients)
    assert turned_away(server.port)
    clients += [Client(server.port, source="127.0.0.2") for _ in range(2)]
    assert all(client.greeting.code == 220 for client in clients)
    assert turned_away(server.port, "127.0.0.3"), "beyond `sessions`"
    clients.pop(0).command("QUIT")
    wait_until(lambda: not turned_away(server.port), "the place of an ended session stays taken")
    for client in clients:
        assert client.command("NOOP").code == 250
        client.close()


def turned_away(port, source=None):
    try:
        with Client(port, source=source) as client:
            return client.greeting.code == 421
    except (Closed, OSError):
        return True


def test_idle_sessions_hear_421_and_are_closed(make_server):
    server = make_server(limits={"idle_timeout": "1s"}).start()
    with Client(server.port) as client:
        client.ehlo()
        assert client.reply().code == 421
        assert client.is_closed()
    with Client(server.port) as client:
        client.send(b"NO")
        assert [reply.code for reply in client.all_replies()] == [421]


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(server):
    for octets in (b"EHL", b"EHLO x\r\nMAIL FROM:<" + NOBODY.encode() +
                   b">\r\nRCPT TO:<bob@dest.test>\r\nDATA\r\nSubject: half\r\n\r\nhalf\r\n."):
        opened = len(server.events.of("session_closed"))
        with Client(server.port) as client:
            client.send(octets)
            client.socket.shutdown(socket.SHUT_WR)
            client.all_replies()
        server.events.wait("session_closed", opened + 1)
    assert_nothing_came(server)


def test_a_loop_ends_at_100_received_fields(client):
    field = "Received: from a by b; Wed, 01 Jan 2025 00:00:00 +0000\r\n"
    content = field * 99 + "Subject: x\r\n\r\n"
    assert client.mail(content, "a@b.test", "bob@dest.test").code == 250
    reply = client.mail(field + content, "a@b.test", "bob@dest.test")
    assert reply.code // 100 == 5 and reply.enhanced == "5.4.6", reply


def test_events_of_a_session(make_server):
    server = make_server().domain("dest.test", ("bob",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("ann@client.test", "bob@dest.test")
        assert client.command("RCPT TO:<no\x7f\u00e4@elsewhere.test>").code // 100 == 5
        assert client.command("RCPT TO:<no@elsewhere.test>").code == 550
        assert client.command("DATA").code == 354
        client.send(stuffed(messages.simple()))
        accepted = client.reply()
        client.command("QUIT")
    closed = server.events.wait("session_closed")[0]
    opened = server.events.of("session_opened")[0]
    assert opened["client"].startswith("127.0.0.1") and opened["listener"].endswith(str(server.port))
    assert closed["client"] == opened["client"] and closed["reason"]
    received = server.events.of("received")[0]
    assert received["from"] == "ann@client.test" and received["to"] == ["bob@dest.test"]
    assert received["tls"] is None and received["auth"] is None
    assert received["id"] in accepted.text
    assert abs(received["size"] - len(messages.simple())) < 1000
    rejected = server.events.of("rejected", to=["no@elsewhere.test"])[0]
    assert rejected["reply"].startswith("550 5.7.1") and rejected["from"] == "ann@client.test"
    for event in server.events.all():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]), event
        if event["event"].startswith("session_"):
            assert "id" not in event
