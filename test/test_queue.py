"""The operator's hands on the queue: every action and filter, on a running and on a stopped server."""

import json
import re

import pytest

from support.reports import reports
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


def fill(server):
    """Three recipients in two messages, all deferred. Returns the messages' ids."""
    submit(server, "a@one.test", "b@two.test")
    submit(server, "c@one.test", reverse_path="x@far.test")
    server.events.wait("deferred", 3)
    ids = {}
    for message in server.queue():
        for recipient in message["recipients"]:
            ids[recipient["to"]] = message["id"]
    return ids


def states(server):
    return {r["to"]: r["state"] for m in server.queue() for r in m["recipients"]}


def queue(server, action, *arguments, status=0):
    done = server.run("queue", action, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done


ACTIONS = ("retry", "hold", "release", "bounce", "drop", "reroute")
MORE = {"reroute": ["--via", "discard:"]}


@pytest.mark.contract("1.queue.filters")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_without_a_filter_nothing_is_changed(server, action, running):
    fill(server)
    if not running:
        assert server.stop() == 0
    before = server.queue()
    done = queue(server, action, *MORE.get(action, []), status=2)
    assert done.stderr
    assert server.queue() == before


@pytest.mark.contract("1.queue.dry-run")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_dry_run_shows_what_would_be_touched_and_changes_nothing(server, sink, action, running):
    fill(server)
    if action == "release":
        queue(server, "hold", "--all")
    if not running:
        assert server.stop() == 0
    before = server.queue()
    done = queue(server, action, "--to", "one.test", "--dry-run", *MORE.get(action, []))
    assert "a@one.test" in done.stdout and "c@one.test" in done.stdout
    assert "b@two.test" not in done.stdout
    assert server.queue() == before
    found = json.loads(queue(server, action, "--to", "one.test", "--dry-run", "--json",
                             *MORE.get(action, [])).stdout)
    assert found


FILTERS = {
    "--all": (["--all"], {"a@one.test", "b@two.test", "c@one.test"}),
    "--to ADDRESS": (["--to", "a@one.test"], {"a@one.test"}),
    "--to DOMAIN": (["--to", "ONE.test"], {"a@one.test", "c@one.test"}),
    "--from ADDRESS": (["--from", "x@far.test"], {"c@one.test"}),
    "--from DOMAIN": (["--from", "home.test"], {"a@one.test", "b@two.test"}),
    "both": (["--from", "home.test", "--to", "one.test"], {"a@one.test"}),
    "--id": (["--id", "a@one.test"], {"a@one.test", "b@two.test"}),
    "--id and --to": (["--id", "a@one.test", "--to", "two.test"], {"b@two.test"}),
    "nothing matches": (["--to", "elsewhere.test"], set()),
}


@pytest.mark.contract("1.queue.filters", "1.queue.hold")
@pytest.mark.parametrize("filters, touched", FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_filters_name_recipients(server, filters, touched, running):
    ids = fill(server)
    filters = [ids[word] if filters[position - 1] == "--id" and position else word
               for position, word in enumerate(filters)]
    if not running:
        assert server.stop() == 0
    queue(server, "hold", *filters)
    assert {to for to, state in states(server).items() if state == "held"} == touched
    if not running:
        server.start()
        assert {to for to, state in states(server).items() if state == "held"} == touched


@pytest.mark.contract("1.queue.hold")
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_held_mail_stays_until_it_is_released_also_over_a_restart(server, sink, running):
    ids = fill(server)
    if not running:
        assert server.stop() == 0
    queue(server, "hold", "--to", "a@one.test")
    assert states(server) == {"a@one.test": "held", "b@two.test": "deferred",
                              "c@one.test": "deferred"}
    if running:
        server.restart()
    else:
        server.start()
    assert states(server)["a@one.test"] == "held"
    sink.script = None
    server.retry()
    sink.wait(2)
    wait_until(lambda: states(server) == {"a@one.test": "held"}, lambda: states(server))
    held = server.queue()[0]
    assert held["state"] == "held" and held["id"] == ids["a@one.test"]
    queue(server, "release", "--to", "a@one.test")
    assert sink.wait(3)[2].forward_paths == ["a@one.test"]
    server.wait_queue_empty()
    if running:
        assert server.events.of("held", id=ids["a@one.test"])
    assert server.events.of("released", id=ids["a@one.test"])


@pytest.mark.contract("1.queue.bounce")
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_bounced_mail_is_reported_at_once(server, running):
    fill(server)
    if not running:
        assert server.stop() == 0
    queue(server, "bounce", "--to", "a@one.test")
    assert "a@one.test" not in states(server)
    if not running:
        server.start()
    report = reports(server.maildir("ann@home.test"))[0]
    [(recipient, action)] = report.fields("Final-Recipient", "Action")
    assert (recipient, action) == ("rfc822; a@one.test", "failed")
    assert "come back" in report.human, "the last reply tells most"
    event = server.events.wait("bounced", to="a@one.test")[0]
    assert event["dsn"]
    assert set(states(server)) == {"b@two.test", "c@one.test"}


@pytest.mark.contract("1.queue.drop")
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_dropped_mail_is_gone_and_nobody_is_told(server, sink, running):
    ids = fill(server)
    if not running:
        assert server.stop() == 0
    queue(server, "drop", "--id", ids["a@one.test"])
    assert set(states(server)) == {"c@one.test"}
    if not running:
        server.start()
    assert len(server.events.of("dropped", id=ids["a@one.test"])) == 2 or not running
    sink.script = None
    server.retry()
    server.wait_queue_empty()
    assert [m.forward_paths for m in sink.messages] == [["c@one.test"]]
    assert server.maildir("ann@home.test").count() == 0


@pytest.mark.contract("1.queue.reroute")
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_rerouted_mail_goes_elsewhere_and_remembers_it_over_a_restart(server, make_sink, running):
    other = make_sink(listen=False)
    fill(server)
    if not running:
        assert server.stop() == 0
    queue(server, "reroute", "--to", "one.test", "--via", f"smtp://{other.address}")
    if running:
        wait_until(lambda: all(r["via"] == f"smtp://{other.address}" for m in server.queue()
                               for r in m["recipients"] if r["to"].endswith("one.test")),
                   lambda: server.queue())
        server.restart()
    else:
        server.start()
    other.open()
    wait_until(lambda: server.retry() and len(other.messages) >= 2, "not rerouted", poll=0.2)
    assert sorted(path for m in other.messages for path in m.forward_paths) == [
        "a@one.test", "c@one.test"]
    wait_until(lambda: set(states(server)) == {"b@two.test"}, lambda: states(server))


@pytest.mark.contract("1.queue.reroute")
@pytest.mark.parametrize("via", ["", "ftp://x", "nonsense", "smtp://"])
def test_a_reroute_to_nowhere_is_wrong_usage(server, via):
    fill(server)
    before = server.queue()
    assert queue(server, "reroute", "--all", "--via", via, status=2).stderr
    assert queue(server, "reroute", "--all", status=2).stderr
    assert server.queue() == before


@pytest.mark.contract("1.queue.retry")
def test_a_retry_on_a_stopped_server_is_made_at_its_start(server, sink):
    fill(server)
    assert server.stop() == 0
    sink.script = None
    server.retry("--to", "a@one.test")
    server.start()
    assert "a@one.test" in sink.wait()[0].forward_paths


@pytest.mark.contract("1.queue.look")
def test_looking_never_changes_anything(server):
    ids = fill(server)
    message_id = ids["a@one.test"]
    for running in (True, False):
        if not running:
            assert server.stop() == 0
        before = sorted((file.relative_to(server.data_dir), file.stat().st_mtime_ns)
                        for file in server.data_dir.rglob("*") if file.is_file())
        listed = server.queue()
        for arguments in (["list"], ["list", "--json"], ["show", message_id],
                          ["body", message_id], ["show", message_id, "--json"]):
            assert queue(server, *arguments).stdout
        after = sorted((file.relative_to(server.data_dir), file.stat().st_mtime_ns)
                       for file in server.data_dir.rglob("*") if file.is_file())
        assert server.queue() == listed
        assert running or before == after
    for command in ("show", "body"):
        assert queue(server, command, "nonsense", status=1).stderr


@pytest.mark.contract("4.queue")
def test_the_json_of_the_queue(server):
    fill(server)
    submit(server, "d@one.test", reverse_path="")
    server.events.wait("deferred", 4)
    listed = server.queue()
    assert len(listed) == 3 and "" in {message["from"] for message in listed}
    for message in listed:
        assert {"id", "from", "size", "received", "state", "recipients"} <= set(message)
        assert message["state"] == "deferred" and message["size"] > 100
        for recipient in message["recipients"]:
            assert {"to", "state", "attempts", "next_attempt", "last_reply", "via"} <= \
                set(recipient)
            assert recipient["attempts"] == 1
            assert recipient["last_reply"] == "451 4.3.0 come back"
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", recipient["next_attempt"])


@pytest.mark.contract("2.data-dir")
def test_the_control_socket_is_for_its_owner_alone(server):
    sockets = [path for path in server.data_dir.iterdir() if path.is_socket()]
    assert sockets
    for path in sockets:
        assert path.stat().st_mode & 0o077 == 0
