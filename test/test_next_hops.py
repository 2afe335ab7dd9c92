"""What is asked of next hops: SMTPUTF8, 8BITMIME, CHUNKING, SIZE, DSN; aiosmtpd and scripted ones."""

import email
import re

import pytest

from support import messages
from support.aiosmtpd_peer import Peer
from support.reports import Report, reports
from support.smtp import Client, submit
from support.wait import wait_until

UTF8_HEADER = "From: ann@client.test\r\nSubject: Gr\u00fc\u00dfe\r\n\r\nplain\r\n".encode()


@pytest.fixture
def make_peer():
    made = []

    def make(*arguments, **options):
        made.append(Peer(*arguments, **options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def sending_to(make_server, hop, scheme="smtp://", **settings):
    settings.setdefault("queue", {"retry": ["1h"]})
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       route=[{"recipient": "*", "via": f"{scheme}{hop.address}"}], **settings)
    return made.domain("home.test", ("ann", "\u00e4nn")).start()


# aiosmtpd.


@pytest.mark.contract("6.smtputf8", "interop.aiosmtpd")
def test_aiosmtpd_takes_what_needs_smtputf8(make_server, make_peer):
    peer = make_peer()
    server = sending_to(make_server, peer)
    submit(server, "b\u00f6b@dest.test", mail="SMTPUTF8", reverse_path="\u00e4nn@home.test")
    submit(server, "bob@dest.test", mail="SMTPUTF8 BODY=8BITMIME", content=UTF8_HEADER)
    submit(server, "bob2@dest.test", mail="SMTPUTF8")
    got = {recipients[0]: (sender, content, options)
           for sender, recipients, content, options in peer.wait(3)}
    assert got["b\u00f6b@dest.test"][0] == "\u00e4nn@home.test"
    assert messages.without_received(got["bob@dest.test"][1]) == UTF8_HEADER
    needed = {recipient: "SMTPUTF8" in options for recipient, (_, _, options) in got.items()}
    assert needed == {"b\u00f6b@dest.test": True, "bob@dest.test": True, "bob2@dest.test": False}


@pytest.mark.contract("6.smtputf8", "interop.aiosmtpd")
def test_without_smtputf8_at_the_next_hop_what_needs_it_is_reported(make_server, make_peer):
    peer = make_peer(utf8=False)
    server = sending_to(make_server, peer)
    submit(server, "b\u00f6b@dest.test", mail="SMTPUTF8")
    submit(server, "header@dest.test", mail="SMTPUTF8 BODY=8BITMIME", content=UTF8_HEADER)
    submit(server, "sender@dest.test", mail="SMTPUTF8", reverse_path="\u00e4nn@home.test")
    submit(server, "plain@dest.test", mail="SMTPUTF8")
    assert [recipients for _, recipients, *_ in peer.wait()] == [["plain@dest.test"]]
    server.events.wait("bounced", 3)
    for report in reports(server.maildir("ann@home.test"), 2):
        assert report.fields("Action", "Status") == [("failed", "5.6.7")]
    server.maildir("\u00e4nn@home.test").wait()
    assert len(peer.messages) == 1


@pytest.mark.contract("7.lmtp", "interop.aiosmtpd")
def test_aiosmtpd_takes_mail_by_lmtp(make_server, make_peer):
    peer = make_peer("lmtp")
    server = sending_to(make_server, peer, scheme="lmtp:")
    submit(server, "one@dest.test", "two@dest.test", content=messages.simple("by lmtp", ".\r\n"))
    _, recipients, content, _ = peer.wait()[0]
    assert recipients == ["one@dest.test", "two@dest.test"]
    assert messages.without_received(content) == messages.simple("by lmtp", ".\r\n")
    server.events.wait("delivered", 2)


# CHUNKING.


@pytest.mark.contract("interop.chunking")
def test_chunks_are_used_where_they_are_offered(make_server, make_sink):
    sink = make_sink(extensions=("PIPELINING", "8BITMIME", "CHUNKING", "SIZE 52428800"))
    server = sending_to(make_server, sink)
    contents = [messages.simple("x", "", f"<{number}@x.test>") + body
                for number, body in enumerate(messages.odd_bodies(7, 40))]
    for content in contents:
        submit(server, "bob@dest.test", content=content, mail="BODY=8BITMIME")
    got = {message.message_id: message for message in sink.wait(len(contents))}
    for number, content in enumerate(contents):
        message = got[f"<{number}@x.test>"]
        assert message.chunked and messages.without_received(message.content) == content


@pytest.mark.contract("interop.chunking")
@pytest.mark.parametrize("reply, event", [("451 4.3.0 later", "deferred"),
                                          ("554 5.6.0 no", "bounced")])
def test_a_refused_last_chunk(make_server, make_sink, reply, event):
    sink = make_sink(extensions=("PIPELINING", "8BITMIME", "CHUNKING"),
                     script=lambda _, verb, __: reply if verb == "CONTENT" else None)
    server = sending_to(make_server, sink)
    submit(server, "bob@dest.test")
    assert server.events.wait(event)[0]["reply"].startswith(reply)
    sink.script = None
    submit(server, "carl@dest.test")
    assert sink.wait()[0].forward_paths == ["carl@dest.test"]


@pytest.mark.contract("5.chunking")
@pytest.mark.parametrize("cut", [False, True], ids=["in one segment", "octet by octet"])
def test_chunks_are_taken(make_server, make_sink, cut):
    sink = make_sink()
    server = sending_to(make_server, sink)
    content = messages.simple("chunks", "\r\n.\r\n..\r\nMAIL FROM:<x@y>\r\n", "<c@x.test>")
    pieces = [content[:10], content[10:11], b"", content[11:]]
    octets = b"MAIL FROM:<ann@home.test>\r\nRCPT TO:<bob@dest.test>\r\n"
    for number, piece in enumerate(pieces):
        last = b" LAST" if number == len(pieces) - 1 else b""
        octets += b"BDAT %d%s\r\n" % (len(piece), last) + piece
    with Client(server.port) as client:
        assert "CHUNKING" in client.ehlo().text
        for piece in [octets[i : i + 1] for i in range(len(octets))] if cut else [octets]:
            client.send(piece)
        assert [reply.code for reply in client.replies(6)] == [250] * 6
        # An empty last chunk ends it, too.
        client.send(b"MAIL FROM:<ann@home.test>\r\nRCPT TO:<bob@dest.test>\r\nBDAT %d\r\n" %
                    len(content) + content + b"BDAT 0 LAST\r\n")
        assert [reply.code for reply in client.replies(4)] == [250] * 4
    for message in sink.wait(2):
        assert messages.without_received(message.content) == content


@pytest.mark.contract("5.chunking", "5.out-of-order", "5.message-size", "5.bare-cr-lf")
@pytest.mark.parametrize("dialogue, want", [
    (b"BDAT 3 LAST\r\nabc", ["503 5.5.1"]),
    (b"MAIL FROM:<a@home.test>\r\nBDAT 5 LAST\r\nQUIT\n", ["250", "503 5.5.1"]),
    (b"MAIL FROM:<a@home.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 1 LAST\r\nxDATA\r\n",
     ["250", "250", "250", "503 5.5.1"]),
    (b"MAIL FROM:<a@home.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 3\r\na\r\nDATA\r\n",
     ["250", "250", "250", "503 5.5.1"]),
    (b"MAIL FROM:<a@home.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 4097 LAST\r\n" + b"x" * 4097,
     ["250", "250", "552 5.3.4"]),
    (b"MAIL FROM:<a@home.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 4096\r\n" + b"x" * 4096 +
     b"BDAT 1 LAST\r\ny", ["250", "250", "250", "552 5.3.4"]),
], ids=["without MAIL", "without RCPT", "DATA after the end", "DATA between chunks", "too large",
        "too large in all"])
def test_chunks_out_of_order_or_too_large_are_swallowed_and_refused(make_server, dialogue, want):
    """Never are the octets of a chunk taken for commands."""
    server = make_server(limits={"message_size": "4KiB"}).domain("home.test", ("ann",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.send(dialogue + b"NOOP\r\n")
        for text in [*want, "250 2.0.0"]:
            reply = client.reply()
            assert reply.is_(text), (text, reply)


@pytest.mark.contract("5.chunking")
@pytest.mark.parametrize("argument", ["", "x", "-1", "1 FIRST", "99999999999999999999 LAST"])
def test_chunks_of_no_size_are_refused(make_server, argument):
    """Where the octets end nobody knows: the connection closes, or the argument alone is refused."""
    server = make_server().domain("home.test", ("ann",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@home.test", "ann@home.test")
        reply = client.command(f"BDAT {argument}")
        assert reply.is_("501 5.5.4", "501 5.5.2", "552 5.3.4", "421"), reply


@pytest.mark.contract("5.bare-cr-lf")
def test_a_bare_line_feed_in_a_chunk_is_refused_at_the_last_one_and_closes(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@home.test", "ann@home.test")
        client.send(b"BDAT 19\r\nSubject: x\r\n\r\nab\ncd" b"BDAT 2 LAST\r\n\r\n"
                    b"MAIL FROM:<evil@home.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 1 LAST\r\nx")
        replies = [reply for reply in client.all_replies() if reply.code != 250]
    assert [reply.is_("550 5.6.0") for reply in replies] == [True], replies
    assert not server.events.of("received")


# 8BITMIME.


def mime(body, head="", encoding="8bit", kind="text/plain; charset=utf-8"):
    return (f"From: ann@client.test\r\nSubject: x\r\n{head}MIME-Version: 1.0\r\n"
            f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}").encode()


@pytest.mark.contract("6.8bit")
@pytest.mark.parametrize("body", ["Gr\u00fc\u00dfe\r\n", "= \u00fc = \r\n.\r\n..\r\n" + "\u00fc" * 400 +
                                  "\r\ntrailing \t\r\n", "\u4f60\u597d" * 5000 + "\r\n"])
def test_8_bit_content_is_converted_for_a_hop_without_8bitmime(make_server, make_sink, body):
    sink = make_sink(extensions=("PIPELINING",))
    server = sending_to(make_server, sink)
    submit(server, "bob@dest.test", content=mime(body), mail="BODY=8BITMIME")
    content = sink.wait()[0].content
    assert content.isascii() and max(map(len, content.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(messages.without_received(content))
    assert message["Content-Transfer-Encoding"].lower() in ("quoted-printable", "base64")
    assert message.get_payload(decode=True).replace(b"\r\n", b"\n") == \
        body.encode().replace(b"\r\n", b"\n")
    assert "8BITMIME" not in sink.messages[0].mail_parameters


@pytest.mark.contract("6.8bit")
def test_each_part_of_a_multipart_is_converted(make_server, make_sink):
    sink = make_sink(extensions=("PIPELINING",))
    server = sending_to(make_server, sink)
    body = ("--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
            "\r\n\u00fc\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n")
    submit(server, "bob@dest.test", mail="BODY=8BITMIME",
           content=mime(body, kind='multipart/mixed; boundary="b"'))
    content = messages.without_received(sink.wait()[0].content)
    assert content.isascii()
    first, second = email.message_from_bytes(content).get_payload()
    assert first.get_payload(decode=True).strip() == "\u00fc".encode()
    assert second.get_payload(decode=True).strip() == b"plain"


@pytest.mark.contract("6.8bit")
@pytest.mark.parametrize("content", [
    b"Subject: no MIME\r\n\r\n\xe4\r\n",
    mime("\u00fc\r\n", head="DKIM-Signature: v=1; a=rsa-sha256; d=x.test; s=s; bh=; b=\r\n"),
    mime("--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u00fc\r\n"
         "--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
         kind='multipart/signed; boundary="b"; protocol="application/pgp-signature"'),
    mime("\u00fc\r\n", kind='multipart/mixed'),
], ids=["no MIME", "signed by DKIM", "multipart/signed", "no boundary"])
def test_8_bit_content_that_cannot_be_converted_is_reported(make_server, make_sink, content):
    sink = make_sink(extensions=("PIPELINING",))
    server = sending_to(make_server, sink)
    submit(server, "bob@dest.test", content=content, mail="BODY=8BITMIME")
    server.events.wait("bounced")
    report = Report(server.maildir("ann@home.test").wait()[0])
    assert report.fields("Action", "Status") == [("failed", "5.6.3")]
    assert not sink.messages


# DSN parameters.


DSN = ("PIPELINING", "8BITMIME", "DSN")


@pytest.mark.contract("reports.passed-on")
def test_dsn_parameters_are_passed_on_where_they_are_offered(make_server, make_sink):
    sink = make_sink(extensions=DSN)
    server = sending_to(make_server, sink)
    submit(server, ("bob@dest.test", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Bb@first.test"),
           ("carl@dest.test", "NOTIFY=NEVER"), "dora@dest.test", mail="RET=HDRS ENVID=a+2Bb+3Dc")
    found = {}
    wait_until(lambda: sum(len(m.forward_paths) for m in sink.messages) == 3, "not arrived")
    for message in sink.messages:
        assert re.search(r"\bRET=HDRS\b", message.mail_parameters)
        assert re.search(r"\bENVID=a\+2Bb\+3Dc\b", message.mail_parameters)
        found.update(zip(message.forward_paths, message.recipient_parameters))
    assert "NOTIFY=SUCCESS,DELAY" in found["bob@dest.test"]
    assert "ORCPT=rfc822;o+2Bb@first.test" in found["bob@dest.test"]
    assert found["carl@dest.test"].startswith("NOTIFY=NEVER")
    assert "NOTIFY" not in found["dora@dest.test"]
    server.events.wait("delivered", 3)
    server.wait_queue_empty()
    assert server.maildir("ann@home.test").count() == 0, "it is for the next hop to report"


@pytest.mark.contract("reports.passed-on")
def test_dsn_parameters_are_not_said_where_they_are_not_offered(make_server, make_sink):
    sink = make_sink(extensions=("PIPELINING", "8BITMIME"))
    server = sending_to(make_server, sink)
    submit(server, ("bob@dest.test", "NOTIFY=NEVER ORCPT=rfc822;x@y.test"), mail="RET=FULL ENVID=x")
    message = sink.wait()[0]
    for word in ("NOTIFY", "ORCPT", "RET=", "ENVID"):
        assert word not in message.mail_parameters + message.recipient_parameters[0]
    server.wait_queue_empty()
    assert server.maildir("ann@home.test").count() == 0
