"""What `trace` tells of a message: while it waits, when it has left, and over restarts."""

import json

import pytest

from support.smtp import submit


@pytest.fixture
def server(make_server, sink):
    """Everything is deferred for an hour, until sink.script is None."""
    sink.script = lambda _, verb, __: "451 4.3.0 come back" if verb == "RCPT" else None
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1h"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    return made.domain("home.test", ("ann",)).start()


def deferred_message(server):
    submit(server, "a@one.test")
    return server.events.wait("deferred")[0]["id"]


def trace(server, message_id):
    done = server.run("trace", message_id, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outcomes(server, message_id):
    return [a["outcome"] for a in trace(server, message_id)["recipients"][0]["attempts"]]


@pytest.mark.contract("1.trace", "4.trace")
def test_why_a_message_is_not_delivered_and_when_the_next_try_is(server, sink):
    message_id = deferred_message(server)
    told = trace(server, message_id)
    assert told["id"] == message_id and told["size"] > 0
    recipient = told["recipients"][0]
    assert recipient["to"] == "a@one.test" and recipient["state"] == "deferred"
    assert recipient["next_attempt"] == server.queue()[0]["recipients"][0]["next_attempt"]
    assert recipient["next_attempt"] in recipient["waits_for"]
    assert "451 4.3.0 come back" in recipient["waits_for"]
    attempt, = recipient["attempts"]
    assert attempt["outcome"] == "deferred" and attempt["reply"] == "451 4.3.0 come back"
    assert attempt["address"] == sink.address
    assert [event["event"] for event in told["events"]] == ["received", "deferred"]
    text = server.run("trace", message_id).stdout
    assert "waits for the next attempt" in text and "451 4.3.0 come back" in text


@pytest.mark.contract("1.trace")
def test_the_whole_life_is_known_after_the_message_has_left(server, sink):
    message_id = deferred_message(server)
    sink.script = None
    server.retry("--all")
    server.wait_queue_empty()
    told = trace(server, message_id)
    recipient = told["recipients"][0]
    assert recipient["state"] == "delivered"
    assert recipient["next_attempt"] is None and recipient["waits_for"] is None
    assert [a["outcome"] for a in recipient["attempts"]] == ["deferred", "delivered"]


def test_it_is_known_on_a_stopped_server_and_over_a_kill(server, sink):
    message_id = deferred_message(server)
    server.stop()
    assert outcomes(server, message_id) == ["deferred"]
    server.start()
    server.kill()
    sink.script = None
    server.start()
    server.retry("--all")
    server.wait_queue_empty()
    assert outcomes(server, message_id)[-1] == "delivered"
    assert outcomes(server, message_id)[0] == "deferred"


def test_what_an_operator_does_is_in_it(server):
    message_id = deferred_message(server)
    assert server.run("queue", "hold", "--all").returncode == 0
    assert "queue release" in trace(server, message_id)["recipients"][0]["waits_for"]
    assert server.run("queue", "drop", "--all").returncode == 0
    assert trace(server, message_id)["recipients"][0]["state"] == "dropped"


def test_an_unknown_message_is_1(server):
    for unknown in ("0000000000000", "x", "../../etc"):
        done = server.run("trace", unknown)
        assert done.returncode == 1 and "nothing is known" in done.stderr


@pytest.mark.contract("2.trace")
def test_other_bounds_are_taken(make_server):
    server = make_server(relay={"networks": ["127.0.0.1"]}, trace={"keep": "1d", "size": "1MiB"})
    server.domain("home.test", ("ann",)).start()
    submit(server, "ann@home.test")
    first = server.events.wait("delivered")[0]["id"]
    assert outcomes(server, first) == ["delivered"]
