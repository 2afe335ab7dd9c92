"""So many messages in so much time: of a client, of a user, to a next hop."""

import base64

import pytest

from support import tls
from support.smtp import Client, submit
from support.wait import wait_until


def reload(server):
    before = len(server.events.of("reloaded"))
    server.reload()
    server.events.wait("reloaded", before + 1)


def limited(make_server, sink, limits=None, delivery=None, **settings):
    settings.setdefault("relay", {"networks": [], "domains": ["dest.test"]})
    made = make_server(route=[{"recipient": "*", "via": f"smtp://{sink.address}"}],
                       limits=limits or {}, delivery={"tls": "off", **(delivery or {})}, **settings)
    return made.domain("home.test", ("ann",)).start()


def mail_codes(server, count, source=None):
    with Client(server.port, source=source) as client:
        client.ehlo()
        replies = []
        for _ in range(count):
            replies.append(client.command("MAIL FROM:<x@away.test>"))
            client.command("RSET")
        return replies


def test_a_client_hears_what_and_when(make_server, sink):
    server = limited(make_server, sink, {"messages_per_client": {"messages": 2, "per": "1h"}})
    one, two, three = mail_codes(server, 3)
    assert (one.code, two.code) == (250, 250)
    assert three.is_("450 4.7.1 too many messages from your address, try again in ")
    assert 1 <= int(three.text.split()[-2]) <= 1800
    event, = server.events.wait("rejected")
    assert event["reason"] == "more than limits.messages_per_client"
    assert mail_codes(server, 1, source="127.0.0.2")[0].code == 250
    assert mail_codes(server, 1)[0].code == 450, "another connection is the same client"


def test_what_was_counted_outlives_a_reload_and_a_new_limit_is_in_force(make_server, sink):
    server = limited(make_server, sink, {"messages_per_client": {"messages": 1, "per": "1h"}})
    assert [reply.code for reply in mail_codes(server, 2)] == [250, 450]
    reload(server)
    assert mail_codes(server, 1)[0].code == 450
    server.set(limits={"messages_per_client": {"messages": 3, "per": "3h"}})
    reload(server)
    assert [reply.code for reply in mail_codes(server, 3)] == [250, 250, 450]
    server.set(limits={"messages_per_client": {}})
    reload(server)
    assert {reply.code for reply in mail_codes(server, 5)} == {250}


def test_who_may_send_anywhere_has_no_limit_as_a_client(make_server, sink):
    server = limited(make_server, sink, {"messages_per_client": {"messages": 1, "per": "1h"}},
                     relay={"networks": ["127.0.0.1"]})
    assert {reply.code for reply in mail_codes(server, 5)} == {250}


@pytest.fixture
def submission(make_server, sink, certificate, password_hash):
    made = make_server(roles=("submission",), tls=dict(zip(("certificate", "key"), certificate)),
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}],
                       limits={"messages_per_user": {"messages": 3, "per": "1h"},
                               "recipients_per_user": {"recipients": 4, "per": "1h"}})
    users = [{"address": f"{name}@home.test", "password": password_hash} for name in ("ann", "bob")]
    return made.domain("home.test", users).start()


def logged_in(server, authority, name):
    client = Client(server.port)
    client.ehlo()
    client.start_tls(tls.client_context(authority))
    client.ehlo()
    login = base64.b64encode(f"\0{name}@home.test\0open sesame".encode()).decode()
    assert client.command(f"AUTH PLAIN {login}").code == 235
    return client


def test_a_user_has_messages_and_recipients(submission, authority):
    with logged_in(submission, authority, "ann") as client:
        client.envelope("ann@home.test", "a@dest.test", "b@dest.test", "c@dest.test", "d@dest.test")
        assert client.command("RCPT TO:<e@dest.test>").is_(
            "450 4.7.1 too many recipients of yours, try again in ")
        client.command("RSET")
        replies = [client.command("MAIL FROM:<ann@home.test>") for _ in range(1)]
        client.command("RSET")
        replies.append(client.command("MAIL FROM:<ann@home.test>"))
        client.command("RSET")
        replies.append(client.command("MAIL FROM:<ann@home.test>"))
        assert [reply.code for reply in replies] == [250, 250, 450]
        assert replies[-1].text.startswith("4.7.1 too many messages of yours, try again in ")
    with logged_in(submission, authority, "bob") as client:
        client.envelope("bob@home.test", "a@dest.test")


def test_a_next_hop_gets_no_more_and_the_rest_waits(make_server, sink):
    server = limited(make_server, sink, delivery={
        "messages_per_host": {"messages": 2, "per": "10m"}})
    for number in range(4):
        submit(server, f"user{number}@dest.test", reverse_path="x@away.test")
    sink.wait(2)
    wait_until(lambda: [recipient["waits"] for entry in server.queue()
                        for recipient in entry["recipients"]] == ["rate", "rate"],
               lambda: str(server.queue()))
    assert len(sink.messages) == 2
    server.set(delivery={"messages_per_host": {}})
    reload(server)
    sink.wait(4)
    server.wait_queue_empty()


def test_the_rest_follows_at_the_rate(make_server, sink):
    server = limited(make_server, sink, delivery={"messages_per_host": {"messages": 1, "per": "1s"}})
    for number in range(3):
        submit(server, f"user{number}@dest.test", reverse_path="x@away.test")
    sink.wait(3)
    server.wait_queue_empty()


@pytest.mark.parametrize("limits, key", [
    ({"messages_per_client": {"messages": 0, "per": "1h"}}, "limits.messages_per_client.messages"),
    ({"messages_per_user": {"messages": 1}}, "limits.messages_per_user.per"),
    ({"recipients_per_user": {"messages": 1, "per": "1h"}}, "limits.recipients_per_user.messages"),
    ({"messages_per_client": "100/h"}, "limits.messages_per_client")])
def test_mistakes_are_named(make_server, limits, key):
    done = make_server(limits=limits).run("check")
    assert done.returncode == 2 and f": {key}: " in done.stderr
