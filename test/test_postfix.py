"""A real Postfix as next hop and as client, with STARTTLS, both ways; bodies octet by octet."""

import re
import smtplib

import pytest

from support import messages, ports, tls
from support.postfix import Postfix

COUNT = 100


@pytest.fixture
def postfix(folder, certificate):
    made = Postfix(folder, *certificate, relay_port=ports.free_port())
    yield made
    made.stop()


def contents():
    """Message-ID to content."""
    out = {}
    for number, body in enumerate(messages.odd_bodies(seed=3, count=COUNT)):
        message_id = f"<{number}@odd.test>"
        out[message_id] = messages.simple(f"odd {number}", "", message_id) + body
    return out


def submit(port, recipient, sent, context):
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=context)
        for content in sent.values():
            client.sendmail("ann@client.test", [recipient], content,
                            mail_options=["BODY=8BITMIME"])


def by_message_id(contents_):
    out = {}
    for content in contents_:
        message_id = re.search(rb"^Message-ID: (\S+)", content, re.M | re.I)[1].decode()
        assert message_id not in out, f"twice: {message_id}"
        out[message_id] = content
    return out


def test_posthaste_delivers_to_postfix(make_server, postfix, certificate, authority):
    postfix.start()
    server = make_server(relay={"networks": ["127.0.0.1"]},
                         tls={"certificate": certificate[0], "key": certificate[1]},
                         route=[{"recipient": "postfix.test",
                                 "via": f"smtp://127.0.0.1:{postfix.port}"}]).start()
    sent = contents()
    submit(server.port, "box@postfix.test", sent, tls.client_context(authority))
    got = by_message_id(postfix.maildir.wait(COUNT, seconds=40))
    assert got.keys() == sent.keys()
    for message_id, content in sent.items():
        body = messages.split(content)[1].replace(b"\r\n", b"\n")
        assert messages.split(got[message_id], b"\n")[1] == body, message_id
    delivered = server.events.wait("delivered", COUNT)
    assert all(event["tls"].startswith("TLS") for event in delivered)
    assert "TLS connection established from" in postfix.log()
    server.wait_queue_empty()


def test_postfix_delivers_to_posthaste(make_server, postfix, sink, certificate, authority, folder):
    """From Postfix through Posthaste to a sink, so that also line ends are seen, and to a mailbox."""
    postfix_relay = int(re.search(r"relayhost = \[127\.0\.0\.1\]:(\d+)",
                                  (postfix.config / "main.cf").read_text())[1])
    server = make_server(listener=[{"address": f"127.0.0.1:{postfix_relay}", "role": "mx"}],
                         relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         tls={"certificate": certificate[0], "key": certificate[1]},
                         route=[{"recipient": "dest.test", "via": f"smtp://{sink.address}"}])
    server.domain("home.test", ("ann",)).start()
    postfix.start()
    sent = contents()
    for recipient in ("bob@dest.test", "ann@home.test"):
        submit(postfix.port, recipient, sent, tls.careless_client_context())
    relayed = by_message_id(message.content for message in sink.wait(COUNT, seconds=40))
    stored = by_message_id(server.maildir("ann@home.test").wait(COUNT, seconds=40))
    assert relayed.keys() == stored.keys() == sent.keys()
    for message_id, content in sent.items():
        body = messages.split(content)[1]
        assert messages.split(relayed[message_id])[1] == body, message_id
        assert messages.split(stored[message_id], b"\n")[1] == body.replace(b"\r\n", b"\n")
    received = server.events.of("received")
    assert len(received) == 2 * COUNT
    assert all(event["tls"].startswith("TLS") for event in received)
    assert "status=bounced" not in postfix.log() and "status=deferred" not in postfix.log()
