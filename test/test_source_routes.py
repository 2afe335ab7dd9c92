"""Source routes, as RFC 821 meant them [RFC821 3.6]: five servers A, D, P, U and Z, each of which
takes itself off the route and passes the rest on to the next one by its MX."""

import email
import json
import re

import pytest

from support import messages, ports
from support.server import run
from support.smtp import Client
from support.wait import wait_until

NAMES = ("a", "d", "p", "u", "z")
ADDRESSES = {name: f"127.0.0.{number}" for number, name in enumerate(NAMES, 31)}
USER, STRANGER = "127.0.0.30", "127.0.0.40"
ROUTE = "@d.test,@p.test,@u.test:user@z.test"
WAY_BACK = "@u.test,@p.test,@d.test,@a.test:sender@a.test"


@pytest.fixture
def chain(make_server, dns):
    """chain(**settings) starts the five; each lets the others and USER relay, and nobody else."""
    port = ports.free_port(tuple(ADDRESSES.values()))

    def start(users=None, **settings):
        servers = {}
        for name in NAMES:
            domain, address = f"{name}.test", ADDRESSES[name]
            dns.zone[domain] = {"MX": [(10, f"mx.{domain}")]}
            dns.zone[f"mx.{domain}"] = {"A": [address]}
            server = make_server(name=name, address=address, hostname=domain)
            server.set(
                listener=[{"address": f"{address}:{port}", "role": "mx"}],
                relay={"networks": [*ADDRESSES.values(), USER], "source_routes": "honor",
                       "reverse_routes": True},
                dns={"servers": [dns.address]}, queue={"retry": ["1h"]},
                delivery={"port": port, "tls": "off", "source_addresses": [address]})
            server.ports = {"mx": port}
            server.set(**settings)
            servers[name] = server.domain(domain, {"a": ("sender",), "z": ("user",)}.get(name, ()))
        for server in servers.values():
            server.start()
        return servers

    return start


def client_of(server, source=USER):
    client = Client(server.port, server.host, source=source)
    client.ehlo()
    return client


def send(server, *forward_paths, reverse_path="sender@a.test", mail=""):
    with client_of(server) as client:
        assert client.command(f"MAIL FROM:<{reverse_path}>{mail}").code == 250
        for path in forward_paths:
            path, _, parameters = path.partition(" ")
            reply = client.command(f"RCPT TO:<{path}> {parameters}".rstrip())
            assert reply.code == 250, reply
        assert client.command("DATA").code == 354
        client.send(messages.simple() + b".\r\n")
        reply = client.reply()
        assert reply.code == 250
        return reply.text.split()[-1]


def fields(content, name):
    return email.message_from_bytes(content).get_all(name, [])


def hosts_of(content):
    """Who wrote the Received fields, the first one first."""
    return [re.search(r"by (\S+)", field)[1] for field in reversed(fields(content, "Received"))]


def heard(server):
    """The reverse-paths of what has been received."""
    return [event["from"] for event in server.events.of("received")]


@pytest.mark.contract("2.source-routes.honor", "6.source-routes")
def test_a_message_goes_by_its_route_and_its_reverse_path_is_the_way_back(chain):
    servers = chain()
    send(servers["a"], ROUTE)
    content = servers["z"].maildir("user@z.test").wait()[0]
    assert hosts_of(content) == ["a.test", "d.test", "p.test", "u.test", "z.test"]
    assert fields(content, "Return-Path") == [f"<{WAY_BACK}>"]
    assert heard(servers["a"]) == ["sender@a.test"]
    assert heard(servers["d"]) == ["@a.test:sender@a.test"]
    assert heard(servers["p"]) == ["@d.test,@a.test:sender@a.test"]
    for name in "adpu":
        delivered = servers[name].events.wait("delivered")[0]
        assert delivered["to"] == "user@z.test" and delivered["reply"].startswith("250")


def test_without_reverse_routes_the_reverse_path_stays_as_it_came(chain):
    servers = chain(relay={"reverse_routes": False})
    send(servers["a"], "@a.test," + ROUTE)
    content = servers["z"].maildir("user@z.test").wait()[0]
    assert hosts_of(content) == ["a.test", "d.test", "p.test", "u.test", "z.test"]
    assert fields(content, "Return-Path") == ["<sender@a.test>"]


def test_what_travels_without_a_route_gets_no_way_back(chain):
    servers = chain()
    send(servers["a"], "user@z.test")
    assert fields(servers["z"].maildir("user@z.test").wait()[0], "Return-Path") == \
        ["<sender@a.test>"]
    send(servers["a"], "@a.test:user@z.test")  # By a route that names us alone.
    servers["z"].maildir("user@z.test").wait(2)
    assert heard(servers["z"]) == ["sender@a.test", "@a.test:sender@a.test"]


@pytest.mark.contract("6.source-routes")
def test_a_report_comes_back_through_every_station(chain):
    """Z refuses the recipient: U reports, and P, D and A pass the report on."""
    servers = chain()
    send(servers["a"], "@d.test,@p.test,@u.test:nobody@z.test "
                       "NOTIFY=FAILURE ORCPT=rfc822;nobody@z.test", mail=" RET=HDRS ENVID=x1")
    report = servers["a"].maildir("sender@a.test").wait()[0]
    assert hosts_of(report) == ["p.test", "d.test", "a.test"]
    assert fields(report, "Return-Path") == ["<>"]
    text = report.decode()
    assert "Final-Recipient: rfc822; nobody@z.test" in text and "Status: 5.1.1" in text
    assert "Original-Recipient: rfc822; nobody@z.test" in text.replace("rfc822;n", "rfc822; n")
    assert "Original-Envelope-Id: x1" in text and "Reporting-MTA: dns; u.test" in text


def test_a_report_of_z_itself_comes_back_through_u_p_d_and_a(chain):
    """Z has taken it, and can't deliver it."""
    servers = chain()
    servers["z"].set(domain=[{**servers["z"].settings["domain"][0],
                              "deliver": f"pipe:{tool(servers['z'])}"}])
    servers["z"].restart()
    send(servers["a"], ROUTE)
    report = servers["a"].maildir("sender@a.test").wait()[0]
    assert hosts_of(report) == ["u.test", "p.test", "d.test", "a.test"]
    assert "Reporting-MTA: dns; z.test" in report.decode()
    for name in "udp":
        assert heard(servers[name])[-1] == ""


def tool(server):
    """A program that fails for good."""
    file = server.folder / "fails"
    file.write_text("#!/bin/sh\ncat >/dev/null\nexit 67\n")
    file.chmod(0o755)
    return file


def test_a_message_waits_at_the_hop_before_one_that_is_down(chain):
    servers = chain()
    servers["p"].stop()
    send(servers["a"], ROUTE)
    event = servers["d"].events.wait("deferred")[0]
    assert event["to"] == "user@z.test" and event["host"] == "mx.p.test"
    queued = servers["d"].queue()
    assert [recipient["via"] for recipient in queued[0]["recipients"]] == ["mx:p.test"]
    traced = json.loads(servers["d"].run("trace", event["id"], "--json").stdout)
    assert traced["recipients"][0]["state"] == "deferred"
    assert "p.test" in servers["d"].run("trace", event["id"]).stdout
    assert not servers["a"].queue()
    servers["p"].start()
    servers["d"].retry()
    content = servers["z"].maildir("user@z.test").wait()[0]
    assert hosts_of(content) == ["a.test", "d.test", "p.test", "u.test", "z.test"]
    assert fields(content, "Return-Path") == [f"<{WAY_BACK}>"]


def test_a_message_keeps_its_route_over_a_crash(chain):
    servers = chain()
    servers["p"].stop()
    send(servers["a"], ROUTE)
    servers["d"].events.wait("deferred")
    servers["d"].kill()
    servers["d"].start()
    servers["p"].start()
    servers["d"].retry()
    assert fields(servers["z"].maildir("user@z.test").wait()[0], "Return-Path") == [f"<{WAY_BACK}>"]


def test_several_recipients_go_by_routes_of_their_own(chain):
    servers = chain()
    servers["z"].domain("z2.test", ("other",))
    for name in ("z", "a"):
        servers[name].set(user=servers[name].settings["user"] + [
            {"address": f"more@{name}.test"}])
        servers[name].restart()
    send(servers["a"], ROUTE, "@u.test:more@z.test", "more@a.test", "@a.test:sender@a.test")
    first = servers["z"].maildir("user@z.test").wait()[0]
    second = servers["z"].maildir("more@z.test").wait()[0]
    assert hosts_of(first) == ["a.test", "d.test", "p.test", "u.test", "z.test"]
    assert hosts_of(second) == ["a.test", "u.test", "z.test"]
    assert fields(second, "Return-Path") == ["<@u.test,@a.test:sender@a.test>"]
    for address in ("more@a.test", "sender@a.test"):
        assert fields(servers["a"].maildir(address).wait()[0], "Return-Path") == ["<sender@a.test>"]


def test_with_and_without_a_route_to_one_host_in_two_transactions(chain):
    servers = chain()
    servers["z"].set(user=servers["z"].settings["user"] + [{"address": "more@z.test"}])
    servers["z"].restart()
    send(servers["a"], "user@z.test", "@a.test:more@z.test")
    assert fields(servers["z"].maildir("user@z.test").wait()[0], "Return-Path") == \
        ["<sender@a.test>"]
    assert fields(servers["z"].maildir("more@z.test").wait()[0], "Return-Path") == \
        ["<@a.test:sender@a.test>"]


LOOPS = ("@d.test,@p.test,@d.test:user@z.test", "@d.test,@D.Test:user@z.test",
         "@a.test,@d.test,@a.test:user@z.test", "@d.test,@a.test:user@z.test",
         "@a.test,@A.TEST:sender@a.test")


@pytest.mark.contract("6.source-routes")
def test_a_route_that_comes_round_is_refused(chain):
    servers = chain()
    with client_of(servers["a"]) as client:
        client.command("MAIL FROM:<sender@a.test>")
        for path in LOOPS:
            assert client.command(f"RCPT TO:<{path}>").is_("550 5.4.6"), path


@pytest.mark.contract("6.source-routes")
def test_a_stranger_is_refused_at_each_hop(chain):
    servers = chain()
    for name, server in servers.items():
        with client_of(server, STRANGER) as client:
            client.command("MAIL FROM:<s@else.test>")
            others = [other for other in NAMES if other != name]
            for path in (f"@{name}.test,@{others[0]}.test:user@z.test", "@else.test:user@z.test",
                         f"@{others[0]}.test:postmaster@{name}.test",
                         f"@{name}.test,@{others[0]}.test:postmaster@{name}.test",
                         f"@{name}.test:user@else.test"):
                assert client.command(f"RCPT TO:<{path}>").is_("550 5.7.1"), (name, path)
            # What names us alone and ends here needs no permission.
            assert client.command(f"RCPT TO:<@{name}.test:postmaster@{name}.test>").code == 250
    assert not any(server.events.of("received") for server in servers.values())


@pytest.mark.contract("6.source-routes")
def test_a_hop_that_refuses_the_syntax_is_quoted_in_the_report(chain, make_sink, dns):
    servers = chain()
    servers["p"].stop()
    refuse = lambda session, verb, line: \
        "555 5.5.4 what is that route?" if verb == "RCPT" and "@u.test" in line else None
    make_sink(ADDRESSES["p"], servers["d"].port, script=refuse)
    send(servers["a"], ROUTE)
    report = servers["a"].maildir("sender@a.test").wait()[0].decode()
    assert "what is that route?" in report and "Reporting-MTA: dns; d.test" in report


def test_a_rule_that_rejects_is_no_way_round(chain):
    rules = [{"recipient": "bad.test", "via": "reject:not to them"},
             {"recipient": "bob@z.test", "via": "reject:not to bob"}]
    servers = chain(route=rules)
    with client_of(servers["a"]) as client:
        client.command("MAIL FROM:<sender@a.test>")
        for path in ("@bad.test:user@z.test", "@d.test,@bad.test:user@z.test",
                     "@d.test:user@bad.test", "@d.test:bob@z.test", "@a.test:bob@z.test"):
            assert client.command(f"RCPT TO:<{path}>").is_("550 5.7.1 not to"), path
        assert client.command("RCPT TO:<@d.test:user@z.test>").code == 250


def test_rules_see_the_next_host(chain, make_sink):
    sink = make_sink()
    servers = chain(route=[{"recipient": "d.test", "via": f"smtp://{sink.address}"}])
    send(servers["a"], ROUTE)
    assert sink.wait()[0].forward_paths == [ROUTE]
    assert sink.messages[0].reverse_path == "@a.test:sender@a.test"


def test_internationalized_addresses_travel_by_routes(chain):
    servers = chain()
    servers["z"].set(user=servers["z"].settings["user"] + [{"address": "jos\u00e9@z.test"}])
    servers["z"].restart()
    send(servers["a"], "@d.test,@u.test:jos\u00e9@z.test", mail=" SMTPUTF8 BODY=8BITMIME")
    content = servers["z"].maildir("jos\u00e9@z.test").wait()[0]
    assert hosts_of(content) == ["a.test", "d.test", "u.test", "z.test"]
    assert fields(content, "Return-Path") == ["<@u.test,@d.test,@a.test:sender@a.test>"]


GATEWAY = "#!/bin/sh\nprintf '%s|' \"$@\" >>{file}\necho >>{file}\ncat >/dev/null\n"


@pytest.mark.contract("6.source-routes")
@pytest.mark.parametrize("rewrite, given, want", [
    ("bang", "ihnp4!joe@uucp.test", "joe|ihnp4|joe@ihnp4|"),
    ("bang", "ihnp4!decvax!joe@uucp.test", "decvax!joe|ihnp4|decvax!joe@ihnp4|"),
    ("percent", "joe%ihnp4@uucp.test", "joe|ihnp4|joe@ihnp4|"),
    ("percent", "postmaster@uucp.test", "postmaster|uucp.test|postmaster@uucp.test|")])
def test_a_gateway_reads_its_addresses(make_server, rewrite, given, want):
    server = make_server(relay={"networks": [USER], "domains": ["uucp.test"]})
    out, program = server.folder / "out", server.folder / "gateway"
    program.write_text(GATEWAY.format(file=out))
    program.chmod(0o755)
    server.set(route=[{"recipient": "uucp.test", "rewrite": rewrite,
                       "via": f"pipe:{program} {{local}} {{domain}} {{recipient}}"}])
    server.start()
    for source in (USER, STRANGER):
        with client_of(server, source) as client:
            assert client.mail(messages.simple(), "s@else.test", given).code == 250
        server.wait_queue_empty()
    local, domain = given.split("@")
    assert out.read_text().splitlines() == [want, f"{local}|{domain}|{given}|"]  # Not for strangers.


def test_a_gateway_by_smtp_hears_the_address_behind_it(make_server, make_sink):
    sink = make_sink()
    server = make_server(relay={"networks": [USER]}, route=[
        {"recipient": "secret.test", "via": "reject:closed"},
        {"recipient": "*.gw.test", "rewrite": "percent", "via": f"smtp://{sink.address}"}]).start()
    with client_of(server) as client:
        client.command("MAIL FROM:<s@else.test>")
        assert client.command("RCPT TO:<joe%secret.test@x.gw.test>").is_("550 5.7.1 closed")
        assert client.command("RCPT TO:<joe%far.test@x.gw.test>").code == 250
        client.command("DATA")
        client.send(messages.simple() + b".\r\n")
        assert client.reply().code == 250
    assert sink.wait()[0].forward_paths == ["joe@far.test"]
    with client_of(server, STRANGER) as client:
        client.command("MAIL FROM:<s@else.test>")
        assert client.command("RCPT TO:<joe%far.test@x.gw.test>").is_("550 5.7.1")


def test_route_explains_a_source_route(make_server, dns):
    dns.zone.update({"d.test": {"MX": [(10, "mx.d.test")]}, "mx.d.test": {"A": ["127.0.0.2"]}})
    server = make_server(dns={"servers": [dns.address]}, hostname="a.test",
                         relay={"networks": [USER], "source_routes": "honor",
                                "reverse_routes": True})

    def explain(address, *options):
        done = run("route", address, *options, "--json", "--config", server.config_file)
        return done.returncode, json.loads(done.stdout)

    status, answer = explain("@a.test,@d.test,@p.test:user@z.test")
    assert status == 0 and answer["outcome"] == "relay"
    assert [host["name"] for host in answer["hosts"]] == ["mx.d.test"]
    steps = json.dumps(answer["steps"])
    assert "@d.test,@p.test:user@z.test" in steps and "@a.test:" in steps
    status, answer = explain("<@d.test:user@z.test>", "--client", STRANGER)
    assert status == 1 and answer["reply"].startswith("550 5.7.1")
    status, answer = explain("@d.test,@d.test:user@z.test")
    assert status == 1 and answer["reply"].startswith("550 5.4.6")
