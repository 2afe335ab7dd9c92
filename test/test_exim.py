"""A real Exim as client and as next hop: CHUNKING in both directions, with and without SMTPUTF8."""

import concurrent.futures
import re

import pytest

from support import messages, ports
from support.exim import Exim
from support.smtp import Client, stuffed

COUNT = 120
SESSIONS = 4
LARGE_OCTETS = 12 * 1024 * 1024
EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN",
              "CHUNKING")


@pytest.fixture
def make_exim(folder):
    made = []

    def make(relay_port):
        made.append(Exim(folder, relay_port))
        return made[-1]

    yield make
    for exim in made:
        exim.stop()


@pytest.fixture
def far(make_sink):
    return make_sink(extensions=EXTENSIONS)


def send_all(port, sent):
    def session(mine):
        with Client(port, seconds=50) as client:
            client.ehlo()
            for content, utf8, sender, recipient, mail, rcpt in mine:
                client.envelope(sender, recipient,
                                parameters=" BODY=8BITMIME" + (" SMTPUTF8" if utf8 else ""))
                assert client.command("DATA").code == 354
                client.send(stuffed(content))
                assert client.reply().code == 250
            client.command("QUIT")

    with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
        list(pool.map(session, [sent[start::SESSIONS] for start in range(SESSIONS)]))


def assert_all_arrived(far, sent):
    got = {message.message_id: message for message in far.wait(len(sent), seconds=50)}
    assert len(got) == len(far.messages) == len(sent)
    for content, utf8, sender, recipient, *_ in sent:
        message = got[re.search(rb"\r\nMessage-ID: (\S+)", content)[1].decode()]
        assert messages.without_received(message.content) == content, message.message_id
        assert (message.reverse_path, message.forward_paths) == (sender, [recipient])


@pytest.mark.contract("5.ehlo", "interop.exim")
def test_posthaste_delivers_to_exim_in_chunks(make_server, make_exim, far):
    exim = make_exim(far.port).start()
    server = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{exim.port}"}]).start()
    sent = list(messages.various(11, COUNT, large_octets=LARGE_OCTETS))
    send_all(server.port, sent)
    assert_all_arrived(far, sent)
    server.wait_queue_empty()
    arrivals = exim.lines("<=")
    assert len(arrivals) == COUNT
    # "K": the client used CHUNKING.
    assert all(" K " in line for line in arrivals), arrivals[0]


@pytest.mark.contract("5.ehlo", "interop.exim")
def test_exim_delivers_to_posthaste_in_chunks(make_server, make_exim, far):
    port = ports.free_port()
    exim = make_exim(port).start()
    server = make_server(listener=[{"address": f"127.0.0.1:{port}", "role": "mx"}],
                         relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         route=[{"recipient": "*", "via": f"smtp://{far.address}"}]).start()
    sent = list(messages.various(12, COUNT, large_octets=LARGE_OCTETS))
    send_all(exim.port, sent)
    assert_all_arrived(far, sent)
    assert all(message.chunked for message in far.messages)
    assert len(server.events.of("received")) == COUNT
    deliveries = exim.lines("=>")
    assert len(deliveries) == COUNT and all(" K " in line for line in deliveries), deliveries[0]
    server.wait_queue_empty()
