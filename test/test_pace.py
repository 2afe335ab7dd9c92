"""How much a next hop is asked to do follows how it answers."""

from support import messages
from support.smtp import Client


def sending_to(make_server, sink, **settings):
    made = make_server(relay={"networks": ["127.0.0.1"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}],
                       delivery={"tls": "off"}, **settings)
    return made.domain("home.test", ("ann",)).start()


def send_many(server, count):
    with Client(server.port) as client:
        client.ehlo()
        for number in range(count):
            reply = client.mail(messages.simple(f"pace {number}"), "ann@home.test", "bob@dest.test")
            assert reply.code == 250


def test_a_host_with_little_room_gets_everything_at_once(make_server, make_sink):
    """It takes three connections; the fourth is told 421. Nothing waits for a later attempt."""

    def script(session, verb, _):
        if verb == "CONNECT" and sum(not one.closed for one in sink.sessions) > 3:
            return "421 4.3.2 too many connections"
        return None

    sink = make_sink(script=script)
    server = sending_to(make_server, sink, queue={"retry": ["1h"]})
    send_many(server, 200)
    sink.wait(200)
    server.wait_queue_empty()
    assert not server.events.of("deferred")
    refused = sum(not session.messages for session in sink.sessions)
    assert refused <= 20, "it said so, and was believed"


def test_a_421_makes_us_pause_and_go_on(make_server, make_sink):
    """Each connection ends after two messages, with a 421."""
    sink = make_sink(script=lambda session, verb, _:
                     "421 4.7.0 enough for now" if verb == "MAIL" and session.messages == 2 else None)
    server = sending_to(make_server, sink, queue={"retry": ["1s"]})
    send_many(server, 20)
    sink.wait(20, seconds=50)
    server.wait_queue_empty()
    assert len(sink.messages) == 20


def test_refusals_in_a_row_leave_one_connection_and_recovery_brings_the_others(make_server,
                                                                               make_sink):
    sink = make_sink(script=lambda session, verb, _: "451 4.3.0 storm" if verb == "MAIL" else None)
    server = sending_to(make_server, sink, queue={"retry": ["1s", "2s"]})
    send_many(server, 60)
    server.events.wait("deferred", 60)
    sink.script = None
    sink.wait(60, seconds=50)
    server.wait_queue_empty()
    assert len(sink.messages) == 60
