"""Mail of hosts that are not always on: it waits until it is asked for [RFC1985]."""

import pytest

from support.reports import reports
from support.smtp import Client, submit
from support.wait import wait_until

BRANCH = {"domains": ["branch.test", "*.deep.test"]}


def reload(server):
    before = len(server.events.of("reloaded"))
    server.reload()
    server.events.wait("reloaded", before + 1)


def holding(make_server, sink, **settings):
    settings.setdefault("etrn", BRANCH)
    settings.setdefault("relay", {"networks": ["127.0.0.1"], "domains": ["branch.test"]})
    routes = [{"recipient": name, "via": f"smtp://{sink.address}"}
              for name in ("branch.test", "*.deep.test", "other.test")]
    made = make_server(route=routes, delivery={"tls": "off"}, **settings)
    return made.domain("home.test", ("ann",)).start()


def say(server, *commands, source=None):
    """The replies to these commands, after EHLO."""
    with Client(server.port, source=source) as client:
        client.ehlo()
        return [client.command(command) for command in commands]


def waiting(server):
    return sorted(recipient["to"] for entry in server.queue() for recipient in entry["recipients"]
                  if recipient["waits"] == "etrn")


def test_mail_waits_until_it_is_asked_for(make_server, sink):
    server = holding(make_server, sink)
    for name in ("one@branch.test", "two@branch.test", "three@a.deep.test"):
        submit(server, name, reverse_path="ann@home.test")
    submit(server, "now@other.test", reverse_path="ann@home.test")
    assert sink.wait()[0].forward_paths == ["now@other.test"]
    server.events.wait("delivered")
    assert waiting(server) == ["one@branch.test", "three@a.deep.test", "two@branch.test"]
    assert all(recipient["next_attempt"] is None for entry in server.queue()
               for recipient in entry["recipients"])

    offered, = say(server, "EHLO client.test")
    assert "ETRN" in offered.text.splitlines()
    some, none, deep = say(server, "ETRN branch.test", "ETRN none.deep.test", "ETRN @deep.test")
    assert some.lines == ["253 2.0.0 2 pending messages for branch.test started"]
    assert none.lines == ["251 2.0.0 no messages waiting for none.deep.test"]
    assert deep.lines == ["253 2.0.0 1 pending messages for @deep.test started"]
    sink.wait(4)
    server.wait_queue_empty()
    assert {event["to"]: event["by"].split(":")[0] for event in server.events.of("released")} == \
        {name: "ETRN of 127.0.0.1" for name in ("one@branch.test", "two@branch.test",
                                                "three@a.deep.test")}
    assert [event["node"] for event in server.events.of("etrn")] == \
        ["branch.test", "none.deep.test", "@deep.test"]
    submit(server, "four@branch.test", reverse_path="ann@home.test")
    wait_until(lambda: waiting(server) == ["four@branch.test"], lambda: str(server.queue()))


def test_a_restart_and_a_retry_of_everything_release_nothing(make_server, sink):
    server = holding(make_server, sink)
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    server.retry("--all")
    server.restart()
    server.retry("--all")
    server.retry("--to", "branch.test")
    assert waiting(server) == ["one@branch.test"] and not sink.messages
    assert server.run("queue", "release", "--to", "branch.test").returncode == 0
    sink.wait()
    server.wait_queue_empty()


def test_what_is_released_while_the_server_is_stopped_goes_when_it_starts(make_server, sink):
    server = holding(make_server, sink)
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    submit(server, "two@branch.test", reverse_path="ann@home.test")
    assert server.stop() == 0
    assert server.run("queue", "release", "--to", "one@branch.test").returncode == 0
    server.start()
    assert sink.wait()[0].forward_paths == ["one@branch.test"]
    wait_until(lambda: waiting(server) == ["two@branch.test"], lambda: str(server.queue()))


def test_released_mail_is_tried_as_all_mail_is(make_server, make_sink):
    sink = make_sink(script=lambda session, verb, _: "451 4.3.0 later" if verb == "RCPT" and
                     len(sink.sessions) == 1 else None)
    server = holding(make_server, sink, queue={"retry": ["1s"]})
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    say(server, "ETRN branch.test")
    server.events.wait("deferred")
    sink.wait()
    server.wait_queue_empty()


def test_who_may_not_ask_learns_nothing(make_server, sink):
    server = holding(make_server, sink, relay={"networks": [], "domains": ["branch.test"]})
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    for reply in say(server, "ETRN branch.test", "ETRN nowhere.test", "ETRN @test", "ETRN #x"):
        assert reply.is_("459 4.7.1") and reply.text.endswith("not allowed")
    assert waiting(server) == ["one@branch.test"]
    server.events.wait("rejected", 4, reason="ETRN not allowed")
    server.set(etrn={**BRANCH, "networks": ["127.0.0.2"]})
    reload(server)
    assert say(server, "ETRN branch.test")[0].code == 459
    assert say(server, "ETRN branch.test", source="127.0.0.2")[0].code == 253
    sink.wait()


def test_domains_that_are_not_named_cannot_be_asked_for(make_server, sink):
    server = holding(make_server, sink)
    for reply in say(server, "ETRN other.test", "ETRN deep.test", "ETRN x.branch.test"):
        assert reply.code == 459


def test_a_queue_is_a_lane(make_server, sink):
    made = make_server(etrn=BRANCH, relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       route=[{"recipient": "branch.test", "via": f"smtp://{sink.address}",
                               "lane": "night"}])
    server = made.domain("home.test", ("ann",)).start()
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    day, night = say(server, "ETRN #day", "ETRN #night")
    assert (day.code, night.code) == (251, 253)
    sink.wait()


def test_the_command_is_limited_in_number(make_server, sink):
    server = holding(make_server, sink, etrn={**BRANCH, "requests_per_client":
                                              {"requests": 2, "per": "1h"}})
    codes = [reply.code for reply in say(server, *["ETRN branch.test"] * 4)]
    assert codes == [251, 251, 458, 458]


def test_waiting_mail_warns_and_expires(make_server, sink):
    server = holding(make_server, sink, queue={"warn_after": "1s", "expire": "4s"})
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    delayed, failed = reports(server.maildir("ann@home.test"), 2)
    assert delayed.fields("Action") == [("delayed",)]
    assert failed.fields("Action", "Status") == [("failed", "4.4.7")]
    event, = server.events.wait("expired")
    assert event["reply"] == "its host has not asked for it (ETRN)"
    assert not sink.messages and not sink.sessions


def test_without_domains_nothing_is_offered(make_server, sink):
    server = holding(make_server, sink, etrn={})
    offered, refused = say(server, "EHLO client.test", "ETRN branch.test")
    assert "ETRN" not in offered.text and refused.is_("502 5.5.1")


def test_a_domain_that_is_named_no_more_is_delivered(make_server, sink):
    server = holding(make_server, sink)
    submit(server, "one@branch.test", reverse_path="ann@home.test")
    server.set(etrn=None)
    reload(server)
    sink.wait()
    server.wait_queue_empty()


@pytest.mark.parametrize("settings, key", [
    ({"domains": ["user@branch.test"]}, "etrn.domains[1]"), ({"domains": ["*"]}, "etrn.domains[1]"),
    ({"networks": ["300.0.0.0/8"]}, "etrn.networks[1]"), ({"domain": ["x.test"]}, "etrn.domain"),
    ({"requests_per_client": {"requests": 0, "per": "1h"}}, "etrn.requests_per_client.requests"),
    ({"requests_per_client": {"requests": 1}}, "etrn.requests_per_client.per")])
def test_mistakes_are_named(make_server, settings, key):
    server = make_server(etrn=settings)
    done = server.run("check")
    assert done.returncode == 2 and f": {key}: " in done.stderr
