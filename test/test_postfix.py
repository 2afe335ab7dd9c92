"""A real Postfix as next hop and as client, with STARTTLS: a thousand messages each way, octet by
octet and with their DSN parameters."""

import concurrent.futures
import re

import pytest

from support import messages, ports, tls
from support.postfix import Postfix
from support.smtp import Client, stuffed

COUNT = 1000
SESSIONS = 8
LARGE_OCTETS = 12 * 1024 * 1024
EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN")


@pytest.fixture
def far(make_sink):
    """Where all mail ends."""
    return make_sink(extensions=EXTENSIONS)


@pytest.fixture
def make_postfix(folder, certificate):
    made = []

    def make(relay_port, relay_tls):
        made.append(Postfix(folder, *certificate, relay_port, relay_tls))
        return made[-1]

    yield make
    for postfix in made:
        postfix.stop()


def send_all(port, sent, context):
    """One session through STARTTLS for every SESSIONS-th message."""

    def session(mine):
        with Client(port, seconds=50) as client:
            client.ehlo()
            client.start_tls(context)
            assert "SMTPUTF8" in client.ehlo().text
            for content, utf8, sender, recipient, mail, rcpt in mine:
                # RET and ENVID, BODY and SMTPUTF8.
                parameters = mail + " BODY=8BITMIME" + (" SMTPUTF8" if utf8 else "")
                client.send(f"MAIL FROM:<{sender}>{parameters}\r\n"
                            f"RCPT TO:<{recipient}>{rcpt}\r\nDATA\r\n")
                codes = [reply.code for reply in client.replies(3)]
                assert codes == [250, 250, 354], (codes, sender, recipient, parameters, rcpt)
                client.send(stuffed(content))
                assert client.reply().code == 250
            client.command("QUIT")

    with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
        list(pool.map(session, [sent[start::SESSIONS] for start in range(SESSIONS)]))


def words(parameters):
    """Parameters by keyword; NOTIFY in one order, values of xtext decoded, keywords of addresses in
    one case."""
    out = {}
    for word in parameters.split():
        keyword, _, value = word.partition("=")
        value = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value)
        if keyword.upper() == "NOTIFY":
            value = ",".join(sorted(value.upper().split(",")))
        if keyword.upper() == "ORCPT":
            value = value[:7].lower() + value[7:]
        out[keyword.upper()] = value
    return out


def assert_all_arrived(far, sent):
    got = {}
    for message in far.wait(COUNT, seconds=50):
        assert message.message_id not in got, "twice"
        got[message.message_id] = message
    assert not far.strays
    for content, utf8, sender, recipient, mail, rcpt in sent:
        message = got.pop(re.search(rb"\r\nMessage-ID: (\S+)", content)[1].decode())
        assert messages.without_received(message.content) == content, message.message_id
        assert (message.reverse_path, message.forward_paths) == (sender, [recipient])
        far_mail, far_rcpt = words(message.mail_parameters), words(message.recipient_parameters[0])
        for wanted, found in ((words(mail), far_mail), (words(rcpt), far_rcpt)):
            assert {key: found.get(key) for key in wanted} == wanted, (message.message_id, found)
        for keyword in {"RET", "ENVID"} - set(words(mail)):
            assert keyword not in far_mail
        if "NOTIFY" not in words(rcpt):
            assert "NOTIFY" not in far_rcpt
        assert ("SMTPUTF8" in far_mail) == utf8, message.message_id
    assert not got


@pytest.mark.contract("interop.postfix", "5.content-unchanged", "reports.passed-on", "6.smtputf8")
def test_posthaste_delivers_to_postfix(make_server, make_postfix, far, certificate, authority):
    postfix = make_postfix(far.port, "none").start()
    server = make_server(relay={"networks": ["127.0.0.1"]},
                         tls={"certificate": certificate[0], "key": certificate[1]},
                         route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{postfix.port}"}],
                         delivery={"tls": "require"}).start()
    sent = list(messages.various(1, COUNT, large_octets=LARGE_OCTETS))
    send_all(server.port, sent, tls.client_context(authority))
    assert_all_arrived(far, sent)
    delivered = server.events.wait("delivered", COUNT)
    assert all(event["tls"].startswith("TLS") for event in delivered)
    server.wait_queue_empty()
    assert "status=bounced" not in postfix.log() and "status=deferred" not in postfix.log()


@pytest.mark.contract("interop.postfix", "5.content-unchanged", "reports.passed-on", "6.smtputf8")
def test_postfix_delivers_to_posthaste(make_server, make_postfix, far, certificate):
    port = ports.free_port()
    postfix = make_postfix(port, "encrypt").start()
    server = make_server(listener=[{"address": f"127.0.0.1:{port}", "role": "mx"}],
                         relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         tls={"certificate": certificate[0], "key": certificate[1]},
                         route=[{"recipient": "*", "via": f"smtp://{far.address}"}]).start()
    sent = list(messages.various(2, COUNT, large_octets=LARGE_OCTETS))
    send_all(postfix.port, sent, tls.careless_client_context())
    assert_all_arrived(far, sent)
    received = server.events.of("received")
    assert len(received) == COUNT
    assert all(event["tls"].startswith("TLS") for event in received)
    server.wait_queue_empty()
    assert "status=bounced" not in postfix.log() and "status=deferred" not in postfix.log()


@pytest.mark.contract("interop.postfix")
def test_postfix_stores_what_posthaste_delivers(make_server, make_postfix, certificate):
    postfix = make_postfix(ports.free_port(), "encrypt").start()
    server = make_server(relay={"networks": ["127.0.0.1"]},
                         route=[{"recipient": "postfix.test",
                                 "via": f"smtp://127.0.0.1:{postfix.port}"}]).start()
    with Client(server.port) as client:
        client.ehlo()
        assert client.mail(messages.simple("to a mailbox"), "ann@client.test",
                           "box@postfix.test").code == 250
    assert b"Subject: to a mailbox" in postfix.maildir.wait()[0]
    assert server.events.wait("delivered")[0]["tls"].startswith("TLS")
