"""Next hops found in the DNS. All names of the zone lead to addresses of the loopback interface; one
port, `delivery.port`, serves at all of them."""

import pytest

from support import messages, ports
from support.sink import CLOSE
from support.smtp import Client
from support.wait import wait_until

ADDRESSES = tuple(f"127.0.0.{number}" for number in range(2, 6))


@pytest.fixture
def port():
    return ports.free_port(("127.0.0.1", *ADDRESSES))


@pytest.fixture
def server(make_server, dns, port):
    made = make_server(relay={"networks": ["127.0.0.1"]}, dns={"servers": [dns.address]},
                       delivery={"port": port, "tls": "off"}, queue={"retry": ["1h"]})
    return made.domain("home.test", ("ann",)).start()


def send(server, *recipients, reverse_path="ann@home.test"):
    with Client(server.port) as client:
        client.ehlo()
        reply = client.mail(messages.simple(), reverse_path, *recipients)
        assert reply.code == 250
        client.command("QUIT")
    return reply


@pytest.fixture
def hosts(make_sink, port):
    """hosts(number) is a sink at 127.0.0.number."""
    return lambda number, **options: make_sink(f"127.0.0.{number}", port, **options)


def test_the_lowest_preference_is_taken(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(20, "two.dest.test"), (10, "one.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    one, two = hosts(2), hosts(3)
    send(server, "bob@dest.test")
    one.wait()
    event = server.events.wait("delivered")[0]
    assert event["host"] == "one.dest.test" and event["address"] == one.address
    assert event["to"] == "bob@dest.test" and event["reply"].startswith("250")
    assert not two.messages


def test_the_next_preference_is_taken_when_the_first_is_down(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(20, "two.dest.test"), (10, "one.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    two = hosts(3)
    send(server, "bob@dest.test")
    two.wait()
    assert server.events.wait("delivered")[0]["host"] == "two.dest.test"


@pytest.mark.parametrize("verb, reply", [
    ("CONNECT", "421 4.3.2 not now"), ("CONNECT", "451 not now"), ("CONNECT", CLOSE),
    ("CONNECT", "554 5.7.1 not you"), ("MAIL", "451 4.3.0 not now"), ("RCPT", "450 4.2.1 not now"),
    ("RCPT", CLOSE), ("DATA", CLOSE)])
def test_the_next_host_is_tried_after(server, dns, hosts, verb, reply):
    """4yz to the greeting, MAIL or RCPT, 5yz to the greeting, or a lost connection."""
    dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test"), (20, "two.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    one = hosts(2, script=lambda session, which, _: reply if which == verb else None)
    two = hosts(3)
    send(server, "bob@dest.test")
    assert two.wait()[0].forward_paths == ["bob@dest.test"]
    assert one.sessions and not one.messages
    server.events.wait("delivered", host="two.dest.test")


def test_5yz_to_the_transaction_is_final_and_the_next_host_is_not_tried(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test"), (20, "two.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    hosts(2, script=lambda session, which, _: "550 5.1.1 who?" if which == "RCPT" else None)
    two = hosts(3)
    send(server, "bob@dest.test")
    event = server.events.wait("bounced")[0]
    assert event["host"] == "one.dest.test" and event["reply"].startswith("550 5.1.1 who?")
    server.maildir("ann@home.test").wait()
    assert not two.sessions


def test_a_5yz_greeting_of_every_host_is_final(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test"), (20, "two.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    refuse = lambda session, which, _: "554 5.7.1 not you" if which == "CONNECT" else None
    one, two = hosts(2, script=refuse), hosts(3, script=refuse)
    send(server, "bob@dest.test")
    server.events.wait("bounced")
    assert one.sessions and two.sessions


def test_every_address_of_a_host_is_tried(server, dns, hosts):
    dns.zone["dest.test"] = {"MX": [(10, "one.dest.test")]}
    dns.zone["one.dest.test"] = {"A": ["127.0.0.2", "127.0.0.3", "127.0.0.4"]}
    last = hosts(4)
    send(server, "bob@dest.test")
    last.wait()


def test_equal_preferences_share_the_load(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test"), (10, "two.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}, "two.dest.test": {"A": ["127.0.0.3"]}})
    # One message a connection, so that each one chooses anew.
    server.set(delivery={"messages_per_connection": 1})
    server.restart()
    one, two = hosts(2), hosts(3)
    for number in range(40):
        send(server, f"bob{number}@dest.test")
    wait_until(lambda: len(one.messages) + len(two.messages) == 40, "not all arrived")
    assert one.messages and two.messages


def test_without_mx_the_name_itself_is_the_host(server, dns, hosts):
    dns.zone["dest.test"] = {"A": ["127.0.0.2"]}
    sink = hosts(2)
    send(server, "bob@dest.test")
    sink.wait()
    assert server.events.wait("delivered")[0]["host"] == "dest.test"


def test_an_alias_name_is_followed_and_the_address_stays(server, dns, hosts):
    dns.zone.update({"www.dest.test": {"CNAME": "dest.test"},
                     "dest.test": {"MX": [(10, "one.dest.test")]},
                     "one.dest.test": {"A": ["127.0.0.2"]}})
    sink = hosts(2)
    send(server, "bob@www.dest.test")
    assert sink.wait()[0].forward_paths == ["bob@www.dest.test"]


def test_an_mx_that_is_an_alias_name_is_followed(server, dns, hosts):
    dns.zone.update({"dest.test": {"MX": [(10, "alias.dest.test")]},
                     "alias.dest.test": {"CNAME": "one.dest.test"},
                     "one.dest.test": {"A": ["127.0.0.2"]}})
    sink = hosts(2)
    send(server, "bob@dest.test")
    sink.wait()


def test_ipv6(server, dns, make_sink, port):
    dns.zone.update({"dest.test": {"MX": [(10, "one.dest.test")]},
                     "one.dest.test": {"AAAA": ["::1"]}})
    sink = make_sink("::1", port)
    send(server, "bob@dest.test")
    sink.wait()
    assert server.events.wait("delivered")[0]["address"] == f"[::1]:{port}"


# Names, their records, and the status of the report that the originator gets.
FINAL = [
    ("no such domain", {}, "5.1.2"),
    ("null MX", {"dest.test": {"MX": [(0, ".")], "A": ["127.0.0.2"]}}, "5.1.10"),
    ("neither MX nor address", {"dest.test": {"TXT": ["x"]}}, "5.4.4"),
    ("MX of a name that is not", {"dest.test": {"MX": [(10, "gone.test")]}}, "5.4.4"),
    ("MX of a name without address, though the domain has one",
     {"dest.test": {"MX": [(10, "one.test")], "A": ["127.0.0.2"]}, "one.test": {"TXT": ["x"]}},
     "5.4.4"),
    ("we are the best MX", {"dest.test": {"MX": [(10, "mx.posthaste.test"), (20, "two.test")]},
                            "mx.posthaste.test": {"A": ["127.0.0.2"]},
                            "two.test": {"A": ["127.0.0.3"]}}, "5.4.6"),
]


@pytest.mark.parametrize("zone, status", [row[1:] for row in FINAL], ids=[row[0] for row in FINAL])
def test_final_answers_are_reported(server, dns, hosts, zone, status):
    dns.zone.update(zone)
    sinks = [hosts(2), hosts(3)]
    send(server, "bob@dest.test")
    event = server.events.wait("bounced")[0]
    assert event["to"] == "bob@dest.test" and event["dsn"]
    report = server.maildir("ann@home.test").wait()[0].decode()
    assert f"\nStatus: {status}\n" in report
    assert not any(sink.sessions for sink in sinks)


def test_our_own_address_and_port_are_ourselves(make_server, dns, hosts, port, make_sink):
    """Though the name is another one; a host of lower preference number is still tried."""
    server = make_server(relay={"networks": ["127.0.0.1"]}, dns={"servers": [dns.address]},
                         listener=[{"address": f"127.0.0.5:{port}", "role": "mx"}],
                         delivery={"port": port, "tls": "off"}, queue={"retry": ["1h"]})
    server.ports = {"mx": port}
    server.domain("home.test", ("ann",)).start()
    dns.zone.update({"dest.test": {"MX": [(10, "best.test"), (20, "us.test"), (20, "eq.test")]},
                     "best.test": {"A": ["127.0.0.2"]}, "us.test": {"A": ["127.0.0.5"]},
                     "eq.test": {"A": ["127.0.0.3"]},
                     "loop.test": {"MX": [(10, "us.test"), (20, "eq.test")]}})
    best, equal = hosts(2), hosts(3)

    def submit(recipient):
        with Client(port, host="127.0.0.5", source="127.0.0.1") as client:
            client.ehlo()
            assert client.mail(messages.simple(), "ann@home.test", recipient).code == 250

    submit("bob@dest.test")
    best.wait()
    submit("bob@loop.test")
    server.events.wait("bounced", to="bob@loop.test")
    assert "\nStatus: 5.4.6\n" in server.maildir("ann@home.test").wait()[0].decode()
    assert not equal.sessions


# What is to be tried again.
LATER = [
    ("SERVFAIL", {"dest.test": "SERVFAIL"}),
    ("REFUSED", {"dest.test": "REFUSED"}),
    ("time-out", {"dest.test": "TIMEOUT"}),
    ("SERVFAIL for MX alone", {"dest.test": {"MX": "SERVFAIL", "A": ["127.0.0.2"]}}),
    ("time-out for MX alone", {"dest.test": {"MX": "TIMEOUT", "A": ["127.0.0.2"]}}),
    ("SERVFAIL for the address of the MX", {"dest.test": {"MX": [(10, "one.test")]},
                                            "one.test": {"A": "SERVFAIL", "AAAA": "SERVFAIL"}}),
]


@pytest.mark.parametrize("zone", [row[1] for row in LATER], ids=[row[0] for row in LATER])
def test_failed_look_ups_are_deferred(server, dns, hosts, zone):
    dns.zone.update(zone)
    sink = hosts(2)
    send(server, "bob@dest.test")
    event = server.events.wait("deferred", seconds=30)[0]
    assert event["to"] == "bob@dest.test" and event["next_attempt"]
    assert not server.events.of("bounced") and not sink.sessions
    recipient = server.queue()[0]["recipients"][0]
    assert recipient["state"] == "deferred" and recipient["attempts"] >= 1


def test_when_the_dns_answers_again_a_retry_delivers(server, dns, hosts):
    dns.zone["dest.test"] = "SERVFAIL"
    sink = hosts(2)
    send(server, "bob@dest.test")
    server.events.wait("deferred", seconds=30)
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]}, "one.test": {"A": ["127.0.0.2"]}})
    wait_until(lambda: server.retry() and sink.messages, "the mail never arrived", poll=0.3)


def test_a_dead_name_server_defers(make_server, hosts):
    server = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1h"]},
                         dns={"servers": ["127.0.0.1:9"], "timeout": "1s"})
    server.domain("home.test", ("ann",)).start()
    send(server, "bob@dest.test")
    server.events.wait("deferred", seconds=30)
    assert not server.events.of("bounced")


def test_the_second_name_server_is_asked_when_the_first_is_dead(make_server, dns, hosts, port):
    dns.zone["dest.test"] = {"A": ["127.0.0.2"]}
    sink = hosts(2)
    server = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"port": port},
                         dns={"servers": ["127.0.0.1:9", dns.address]})
    server.domain("home.test", ("ann",)).start()
    send(server, "bob@dest.test")
    sink.wait(seconds=30)


def test_an_answer_serves_no_longer_than_its_ttl(server, dns, hosts):
    dns.ttl = 1
    server.set(delivery={"messages_per_connection": 1})
    server.restart()
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]}, "one.test": {"A": ["127.0.0.2"]},
                     "two.test": {"A": ["127.0.0.3"]}})
    one, two = hosts(2), hosts(3)
    send(server, "bob@dest.test")
    one.wait()
    dns.zone["dest.test"] = {"MX": [(10, "two.test")]}
    wait_until(lambda: send(server, "bob@dest.test") and two.messages,
               "the old answer serves for ever", poll=0.2)


def test_the_dns_does_not_lead_into_refused_networks(make_server, dns, hosts, port):
    server = make_server(relay={"networks": ["127.0.0.1"]}, dns={"servers": [dns.address]},
                         delivery={"port": port, "tls": "off",
                                   "refuse_networks": ["127.0.0.3/32", "::/96", "::1"]})
    server.domain("home.test", ("ann",)).start()
    dns.zone.update({"mixed.test": {"MX": [(10, "bad.test"), (20, "good.test")]},
                     "bad.test": {"A": ["127.0.0.3"]}, "good.test": {"A": ["127.0.0.2"]},
                     "only.test": {"A": ["127.0.0.3"]},
                     "mapped.test": {"AAAA": ["::ffff:127.0.0.3"]}})
    good, bad = hosts(2), hosts(3)
    send(server, "bob@mixed.test")
    good.wait()
    for recipient in ("bob@only.test", "bob@mapped.test", "bob@[127.0.0.3]"):
        send(server, recipient)
        wait_until(lambda: [event for event in server.events.all() if event.get("to") == recipient
                            and event["event"] in ("bounced", "deferred")], "no outcome")
    assert not bad.sessions


def test_refused_networks_are_those_of_the_loopback_by_default(make_server, dns, hosts, port):
    server = make_server(relay={"networks": ["127.0.0.1"]}, dns={"servers": [dns.address]},
                         delivery=None)
    server.set(delivery={"port": port, "tls": "off"})
    server.domain("home.test", ("ann",)).start()
    dns.zone["dest.test"] = {"A": ["127.0.0.2"]}
    sink = hosts(2)
    send(server, "bob@dest.test")
    wait_until(lambda: [event for event in server.events.all() if event.get("to") == "bob@dest.test"
                        and event["event"] in ("bounced", "deferred")], "no outcome")
    assert not sink.sessions


def test_an_address_literal_is_dialled(server, hosts):
    sink = hosts(2)
    send(server, "bob@[127.0.0.2]")
    assert sink.wait()[0].forward_paths == ["bob@[127.0.0.2]"]


@pytest.mark.contract("6.source-family")
@pytest.mark.parametrize("sources, dialled", [(["127.0.0.1"], "127.0.0.2"), (["::1"], "::1")])
def test_with_source_addresses_of_one_family_only_that_family_is_dialled(
        server, dns, make_sink, port, sources, dialled):
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]},
                     "one.test": {"A": ["127.0.0.2"], "AAAA": ["::1"]}})
    sinks = {address: make_sink(address, port) for address in ("127.0.0.2", "::1")}
    server.set(delivery={"source_addresses": sources})
    server.restart()
    for number in range(5):
        send(server, f"bob{number}@dest.test")
    sinks.pop(dialled).wait(5)
    assert not next(iter(sinks.values())).sessions


@pytest.mark.contract("5.null-mx")
def test_a_null_mx_that_is_known_is_told_at_rcpt(server, dns):
    """At the latest it is reported; once the answer is known, RCPT may say so."""
    dns.ttl = 60
    dns.zone["dest.test"] = {"MX": [(0, ".")]}
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("ann@home.test")
        reply = client.command("RCPT TO:<bob@dest.test>")
        if reply.code == 250:
            client.command("RSET")
            send(server, "bob@dest.test")
            assert server.events.wait("bounced")
            assert b"\nStatus: 5.1.10\n" in server.maildir("ann@home.test").wait()[0]
        else:
            assert reply.is_("556 5.1.10"), reply
