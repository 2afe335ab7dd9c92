"""Next hops that offer STARTTLS and cannot do it: `opportunistic` goes on without, in another
connection; where TLS is required the mail waits."""

import pytest

from support.sink import CLOSE, SILENT
from support.smtp import submit
from support.wait import wait_until


@pytest.fixture
def server(make_server, sink):
    made = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1h"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    return made.domain("home.test", ("ann",))


# What a next hop that offers STARTTLS answers to it.
BROKEN_STARTTLS = {
    "refused": "454 4.7.0 no TLS",
    "closes": CLOSE,
    "closes in the place of a handshake": b"220 go on\r\n",
    "octets behind the reply": b"220 go on\r\n250 2.0.0 stray\r\n",
    "half a reply behind the reply": b"220 go on\r\n2",
    "no reply": b"go on\r\n",
    "a reply of another class": b"354 go on\r\n",
    "what is not TLS": b"220 go on\r\n\x16\x03\x01\0\x04abcd",
}


def break_starttls(sink, broken):
    sink.extensions += ("STARTTLS",)
    said = BROKEN_STARTTLS[broken]

    def script(session, verb, _):
        if verb != "STARTTLS":
            return None
        if not isinstance(said, bytes):
            return said
        session.transport.write(said)
        return CLOSE if broken.startswith("closes") else SILENT

    sink.script = script


@pytest.mark.contract("6.opportunistic")
@pytest.mark.parametrize("broken", BROKEN_STARTTLS)
def test_broken_starttls_falls_back_to_a_plain_connection(server, sink, broken):
    break_starttls(sink, broken)
    server.set(delivery={"tls": "opportunistic"})
    server.start()
    submit(server, "bob@dest.test")
    assert not sink.wait()[0].session.tls
    assert server.events.wait("delivered")[0]["tls"] is None


@pytest.mark.contract("6.auth-defers")
@pytest.mark.parametrize("policy", ["require", "verify"])
@pytest.mark.parametrize("broken", BROKEN_STARTTLS)
def test_broken_starttls_defers_where_tls_is_required(server, sink, policy, broken):
    break_starttls(sink, broken)
    server.set(delivery={"tls": policy})
    server.start()
    submit(server, "bob@dest.test")
    server.events.wait("deferred")
    server.retry()
    wait_until(lambda: len([s for s in sink.sessions if "STARTTLS" in s.commands]) >= 2, "no retry")
    assert not sink.messages
    assert not any(line.startswith("MAIL") for s in sink.sessions for line in s.commands)
