"""What `trace` tells of a message: while it waits, when it has left, and over restarts."""

import json
import os
import re

import pytest

from support import ports
from support.smtp import submit
from support.wait import wait_until


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
    assert [event["event"] for event in told["events"]] == ["received", "routed", "deferred"]
    text = server.run("trace", message_id, env={**os.environ, "TZ": "UTC"}).stdout
    sentence = text.splitlines()[-1].strip()
    assert re.fullmatch(
        r'a@one.test is not delivered: .*\[127.0.0.1\]:\d+ said "451 4.3.0 come back" at [\d:]+; '
        r"next try [\d:]+ \(in \d+ min\), then every 1 h until it is returned on \w+ [\d:]+\.",
        sentence), sentence


@pytest.mark.contract("1.trace")
def test_each_decision_is_told_with_its_reasons_and_only_there(server, sink):
    message_id = deferred_message(server)
    decision, = trace(server, message_id)["recipients"][0]["decisions"]
    assert decision["via"] == f"smtp://{sink.address}"
    assert any("matches" in step["why"] for step in decision["steps"])
    assert "routed" not in {event["event"] for event in server.events.all()}
    # Another decision at the next attempt is another event; the same one is not.
    server.retry("--all")
    server.events.wait("deferred", 2)
    assert len(trace(server, message_id)["recipients"][0]["decisions"]) == 1
    server.set(route=[{"recipient": "*", "via": "discard:"}])
    server.restart()
    server.retry("--all")
    server.wait_queue_empty()
    told = trace(server, message_id)["recipients"][0]
    assert [decision["via"] for decision in told["decisions"]] == [f"smtp://{sink.address}",
                                                                   "discard:"]


@pytest.mark.contract("1.trace", "1.queue.look")
def test_each_probe_of_a_dead_host_is_an_attempt_of_who_waits_for_it(make_server):
    port = ports.free_port()
    server = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1s", "1s", "1h"]},
                         route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{port}"}])
    server.domain("home.test", ("ann",)).start()
    submit(server, "a@one.test", "b@one.test")
    first = server.events.wait("deferred", 2)[0]["id"]
    wait_until(lambda: all(recipient["attempts"] == 3 for recipient in
                           server.queue()[0]["recipients"]), "three probes")
    submit(server, "c@one.test")
    later = server.events.wait("received", 2)[1]["id"]
    for recipient in trace(server, first)["recipients"]:
        assert [attempt["outcome"] for attempt in recipient["attempts"]] == ["deferred"] * 3
        assert {attempt["address"] for attempt in recipient["attempts"]} == {f"127.0.0.1:{port}"}
        assert "refused the connection 3 times since" in recipient["answer"]
    # What came in later has not been tried.
    told = trace(server, later)["recipients"][0]
    assert told["attempts"] == [] and "could not be reached before it came in" in told["answer"]
    server.stop()
    told = trace(server, first)["recipients"][0]
    assert len(told["attempts"]) == 3 and "no server runs here" in told["answer"]


@pytest.mark.contract("1.trace")
def test_mx_hosts_are_told_with_their_evidence(make_server, dns, make_sink):
    sink = make_sink()
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]}, "one.test": {"A": ["127.0.0.1"]}})
    server = make_server(relay={"networks": ["127.0.0.1"]}, dns={"servers": [dns.address]},
                         delivery={"port": sink.port, "tls": "off"})
    server.domain("home.test", ("ann",)).start()
    submit(server, "a@dest.test")
    message_id = server.events.wait("delivered")[0]["id"]
    told = trace(server, message_id)["recipients"][0]
    assert told["via"] == "mx:dest.test" and told["found"]["via"] == "mx:dest.test"
    assert [(host["name"], host["addresses"]) for host in told["found"]["hosts"]] == [
        ("one.test", ["127.0.0.1"])]
    reasons = " ".join(step["why"] for step in told["found"]["steps"])
    assert "10 one.test" in reasons and "TTL" in reasons


@pytest.mark.contract("1.trace")
def test_a_report_and_what_it_is_about_name_each_other(server):
    message_id = deferred_message(server)
    assert server.run("queue", "bounce", "--all").returncode == 0
    report_id = server.events.wait("bounced")[0]["dsn"]
    recipient, = trace(server, message_id)["recipients"]
    # The operator has ended it: that was no attempt.
    assert [attempt["outcome"] for attempt in recipient["attempts"]] == ["deferred"]
    assert [action["action"] for action in recipient["actions"]] == ["bounced"]
    assert recipient["dsn"] == [report_id] and report_id in recipient["answer"]
    assert "an operator ended it" in recipient["answer"]
    assert trace(server, report_id)["about"] == message_id
    assert message_id in server.run("trace", report_id).stdout


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
