"""[[route]]: what matches, where it leads, logins at smart hosts, lanes."""

import base64
import json

import pytest

from support import messages, ports, tls
from support.aiosmtpd_peer import Peer
from support.smtp import Client, submit, tls_client
from support.wait import wait_until

AUTH = ("PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN")


def routed(make_server, routes, **settings):
    settings.setdefault("queue", {"retry": ["1h"]})
    made = make_server(relay={"networks": ["127.0.0.0/8"]}, route=routes, **settings)
    return made.domain("home.test", ("ann", "bob"))


# Which rule matches.


@pytest.mark.contract("6.route.match", "2.route")
@pytest.mark.parametrize("condition, matching, others", [
    ({"recipient": "bob@dest.test"}, ["bob@dest.test", "bob@DEST.test"],
     ["carl@dest.test", "bob@sub.dest.test"]),
    ({"recipient": "dest.test"}, ["bob@dest.test"], ["bob@sub.dest.test", "bob@notdest.test"]),
    ({"recipient": "*.dest.test"}, ["bob@sub.dest.test", "bob@a.b.dest.test"], ["bob@dest.test"]),
    ({"recipient": "*"}, ["bob@dest.test"], []),
])
def test_recipients_of_a_rule(make_server, make_sink, condition, matching, others):
    sink, rest = make_sink(), make_sink()
    server = routed(make_server, [{**condition, "via": f"smtp://{sink.address}"},
                                  {"recipient": "*", "via": f"smtp://{rest.address}"}]).start()
    for address in matching + others:
        submit(server, address)
    sink.wait(len(matching))
    if others:
        rest.wait(len(others))
    assert sorted(path for m in sink.messages for path in m.forward_paths) == sorted(matching)
    assert sorted(path for m in rest.messages for path in m.forward_paths) == sorted(others)


@pytest.mark.contract("6.route.match", "2.route")
@pytest.mark.parametrize("sender, matching, others", [
    ("ann@home.test", ["ann@home.test", "ANN@home.test"], ["bob@home.test", ""]),
    ("home.test", ["ann@home.test", "bob@home.test"], ["x@far.test", "x@sub.home.test"]),
    ("*.far.test", ["x@a.far.test"], ["x@far.test"]), ("<>", [""], ["ann@home.test"]),
])
def test_senders_of_a_rule(make_server, make_sink, sender, matching, others):
    sink, rest = make_sink(), make_sink()
    server = routed(make_server, [
        {"recipient": "*", "sender": sender, "via": f"smtp://{sink.address}"},
        {"recipient": "*", "via": f"smtp://{rest.address}"}]).start()
    for address in matching + others:
        submit(server, "bob@dest.test", reverse_path=address)
    sink.wait(len(matching))
    rest.wait(len(others))
    assert sorted(m.reverse_path for m in sink.messages) == sorted(matching)
    assert sorted(m.reverse_path for m in rest.messages) == sorted(others)


@pytest.mark.contract("6.route.match", "2.route")
def test_networks_of_a_rule(make_server, make_sink):
    sink, rest = make_sink(), make_sink()
    server = routed(make_server, [
        {"recipient": "*", "network": "127.0.0.16/28", "via": f"smtp://{sink.address}"},
        {"recipient": "*", "via": f"smtp://{rest.address}"}]).start()
    for source in ("127.0.0.16", "127.0.0.31", "127.0.0.32"):
        submit(server, "bob@dest.test", source=source)
    assert len(sink.wait(2)) == 2 and len(rest.wait(1)) == 1


@pytest.fixture
def submission(make_server, certificate, password_hash):
    def make(routes, **settings):
        made = make_server(roles=("mx", "submissions"), relay={"networks": ["127.0.0.1"]},
                           tls={"certificate": certificate[0], "key": certificate[1]},
                           route=routes, **settings)
        return made.domain("home.test", [{"address": "ann@home.test", "password": password_hash},
                                         {"address": "bob@home.test", "password": password_hash}])
    return make


@pytest.mark.contract("6.route.match", "2.route")
def test_users_of_a_rule(submission, make_sink, authority):
    sink, rest = make_sink(), make_sink()
    server = submission([
        {"recipient": "*", "user": "ann@home.test", "via": f"smtp://{sink.address}"},
        {"recipient": "*", "via": f"smtp://{rest.address}"}]).start()
    for user in ("ann", "bob"):
        with tls_client(server.ports["submissions"], tls.client_context(authority)) as client:
            client.ehlo()
            words = base64.b64encode(f"\0{user}@home.test\0open sesame".encode()).decode()
            assert client.command("AUTH PLAIN " + words).code == 235
            assert client.mail(messages.simple(), f"{user}@home.test", "x@dest.test").code == 250
    submit(server, "x@dest.test", reverse_path="ann@home.test")  # Without a login.
    assert sink.wait()[0].reverse_path == "ann@home.test"
    assert len(rest.wait(2)) == 2 and len(sink.messages) == 1


@pytest.mark.contract("6.route.match")
def test_all_conditions_must_match_and_the_first_rule_wins(make_server, make_sink):
    one, two, rest = make_sink(), make_sink(), make_sink()
    server = routed(make_server, [
        {"recipient": "dest.test", "sender": "home.test", "network": "127.0.0.2/32",
         "via": f"smtp://{one.address}"},
        {"recipient": "dest.test", "sender": "home.test", "via": f"smtp://{two.address}"},
        {"recipient": "*", "via": f"smtp://{rest.address}"}]).start()
    submit(server, "x@dest.test", source="127.0.0.2")
    submit(server, "x@dest.test")
    submit(server, "x@dest.test", reverse_path="a@far.test", source="127.0.0.2")
    assert [len(sink.wait()) for sink in (one, two, rest)] == [1, 1, 1]


@pytest.mark.contract("6.route.ours")
def test_a_rule_takes_mail_of_our_domains_only_when_it_names_them(make_server, make_sink):
    sink = make_sink()
    server = routed(make_server, [
        {"recipient": "bob@home.test", "via": f"smtp://{sink.address}"},
        {"recipient": "*.test", "via": f"smtp://{sink.address}"},
        {"recipient": "*", "via": f"smtp://{sink.address}"}]).start()
    submit(server, "ann@home.test", "bob@home.test")
    server.maildir("ann@home.test").wait()
    assert sink.wait()[0].forward_paths == ["bob@home.test"]
    assert server.maildir("bob@home.test").count() == 0


@pytest.mark.contract("6.route.reject")
def test_reject_answers_at_rcpt(make_server):
    server = routed(make_server, [
        {"recipient": "closed.test", "via": "reject:this domain has moved away"},
        {"recipient": "bob@home.test", "via": "reject:not here"}]).start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@home.test")
        reply = client.command("RCPT TO:<x@closed.test>")
        assert reply.is_("550 5.7.1 this domain has moved away"), reply
        assert client.command("RCPT TO:<bob@home.test>").is_("550 5.7.1 not here")
    done = server.run("route", "x@closed.test", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and found["outcome"] == "refused"
    assert found["reply"].startswith("550 5.7.1 this domain has moved away")


@pytest.mark.contract("6.route.via")
def test_mx_takes_what_a_later_rule_would_take(make_server, make_sink, dns):
    port = ports.free_port(("127.0.0.2", "127.0.0.1"))
    sink, host = make_sink(), make_sink("127.0.0.2", port)
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]}, "one.test": {"A": ["127.0.0.2"]}})
    server = routed(make_server, [{"recipient": "dest.test", "via": "mx:"},
                                  {"recipient": "*", "via": f"smtp://{sink.address}"}],
                    dns={"servers": [dns.address]}, delivery={"port": port, "tls": "off"}).start()
    submit(server, "x@dest.test")
    host.wait()
    assert not sink.messages


@pytest.mark.contract("6.route.via")
def test_smtps_is_tls_from_the_start(make_server, make_sink, certificate):
    sink = make_sink(tls=tls.server_context(*certificate), implicit=True)
    server = routed(make_server, [{"recipient": "*", "via": f"smtps://{sink.address}"}]).start()
    submit(server, "x@dest.test")
    assert sink.wait()[0].session.tls
    assert "STARTTLS" not in sink.sessions[0].commands
    assert server.events.wait("delivered")[0]["tls"].startswith("TLS")


@pytest.mark.contract("6.route.via")
def test_smtps_never_falls_back(make_server, make_sink):
    sink = make_sink()
    server = routed(make_server, [{"recipient": "*", "via": f"smtps://{sink.address}"}]).start()
    submit(server, "x@dest.test")
    server.events.wait("deferred", seconds=30)
    assert not sink.messages


# Logins at smart hosts.


@pytest.fixture
def password_file(folder):
    file = folder / "smart-host-password"
    file.write_text("s3cret wörd\n")
    return file


def smart(make_server, hop, password_file, scheme="smtp", **settings):
    return routed(make_server, [{"recipient": "*", "via": f"{scheme}://{hop.address}",
                                 "auth": {"user": "relay-user", "password_file": password_file}}],
                  **settings)


@pytest.mark.contract("6.smart-host")
@pytest.mark.parametrize("offered, used", [("AUTH PLAIN LOGIN", "PLAIN"), ("AUTH LOGIN", "LOGIN"),
                                           ("AUTH CRAM-MD5 LOGIN", "LOGIN")])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_credentials_go_to_the_smart_host_over_tls(make_server, make_sink, certificate,
                                                   password_file, offered, used, scheme):
    sink = make_sink(tls=tls.server_context(*certificate), implicit=scheme == "smtps",
                     extensions=("PIPELINING", "8BITMIME", offered))
    server = smart(make_server, sink, password_file, scheme).start()
    submit(server, "x@dest.test")
    session = sink.wait()[0].session
    assert session.tls and session.credentials == (used, "relay-user", "s3cret wörd")
    written = server.events.file.read_text() + server.stderr()
    assert "s3cret" not in written and "cmVsYXktdXNlc" not in written


@pytest.mark.contract("6.credentials")
@pytest.mark.parametrize("case", ["no STARTTLS", "STARTTLS refused", "tls off"])
def test_credentials_are_never_sent_without_tls(make_server, make_sink, certificate, password_file,
                                                case):
    sink = make_sink(extensions=AUTH)
    settings = {}
    if case == "STARTTLS refused":
        sink.tls = tls.server_context(*certificate)
        sink.script = lambda _, verb, __: "454 4.7.0 no" if verb == "STARTTLS" else None
    if case == "tls off":
        sink.tls = tls.server_context(*certificate)
        settings = {"delivery": {"tls": "off"}}
    server = smart(make_server, sink, password_file, **settings).start()
    submit(server, "x@dest.test")
    wait_until(lambda: server.events.of("deferred") or sink.messages, "no outcome", seconds=30)
    for session in sink.sessions:
        if not session.tls:
            assert session.credentials is None
            assert not any(line.startswith("AUTH") for line in session.commands)
    assert not [m for m in sink.messages if not m.session.tls], "mail that needs AUTH went without"


@pytest.mark.contract("6.smart-host", "6.auth-defers")
@pytest.mark.parametrize("reply", ["535 5.7.8 wrong", "454 4.7.0 later", "504 5.5.4 no"])
def test_a_refused_login_only_defers(make_server, make_sink, certificate, password_file, reply):
    sink = make_sink(tls=tls.server_context(*certificate), extensions=AUTH,
                     script=lambda _, verb, __: reply if verb == "AUTH" else None)
    server = smart(make_server, sink, password_file).start()
    submit(server, "x@dest.test")
    event = server.events.wait("deferred", seconds=30)[0]
    assert event["reply"].startswith(reply) and not sink.messages
    assert not server.events.of("bounced")
    sink.script = None
    server.retry()
    assert sink.wait()[0].session.credentials


@pytest.mark.contract("6.smart-host", "interop.aiosmtpd")
def test_aiosmtpd_as_a_smart_host(make_server, certificate, password_file):
    peer = Peer(tls=tls.server_context(*certificate), login=("relay-user", "s3cret w\u00f6rd"))
    try:
        server = smart(make_server, peer, password_file).start()
        submit(server, "x@dest.test")
        assert peer.wait()[0][1] == ["x@dest.test"] and len(peer.logins) == 1
        password_file.write_text("another\n")
        server.reload()
        wait_until(lambda: submit(server, "y@dest.test") and len(peer.logins) > 1, "no new login")
    finally:
        peer.close()


@pytest.mark.contract("6.smart-host")
def test_a_smart_host_without_auth_gets_no_mail_that_needs_it(make_server, make_sink, certificate,
                                                              password_file):
    sink = make_sink(tls=tls.server_context(*certificate))
    server = smart(make_server, sink, password_file).start()
    submit(server, "x@dest.test")
    server.events.wait("deferred", seconds=30)
    assert not sink.messages


@pytest.mark.contract("2.route")
def test_check_names_a_password_file_that_is_missing(make_server, make_sink, folder):
    server = smart(make_server, make_sink(), folder / "missing")
    done = server.run("check")
    assert done.returncode == 2 and "missing" in done.stderr


# Lanes.


@pytest.mark.contract("2.lane")
def test_a_lane_never_waits_behind_another(make_server, make_sink):
    """One next hop, whose one connection the mail of the slow lane holds."""
    sink = make_sink(script=lambda session, verb, argument:
                     "silent" if verb == "MAIL" and "slow" in argument else None)
    server = routed(make_server, [
        {"recipient": "*", "sender": "slow.test", "via": f"smtp://{sink.address}", "lane": "bulk"},
        {"recipient": "*", "via": f"smtp://{sink.address}"}],
        delivery={"tls": "off", "connections_per_host": 1}).start()
    for number in range(5):
        submit(server, f"x{number}@dest.test", reverse_path="news@slow.test")
    submit(server, "bob@dest.test")
    assert sink.wait(seconds=10)[0].forward_paths == ["bob@dest.test"]
