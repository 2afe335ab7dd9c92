"""Smart hosts that want a login, on either side: Postfix with Dovecot, Postfix as a client, peers
that take bearer tokens or deceive; several hosts in one via; TLS for each route."""

import base64
import json
import re
import stat

import pytest

from support import messages, ports, tls
from support.dovecot import PASSWORD, Dovecot
from support.postfix import Postfix
from support.server import run
from support.smtp import Client, submit
from support.token_peer import TokenPeer
from support.wait import wait_until


def routed(make_server, routes, **settings):
    settings.setdefault("queue", {"retry": ["1h"]})
    return make_server(relay={"networks": ["127.0.0.0/8"]}, route=routes, **settings)


def written(server):
    """Everything that people may get to see."""
    texts = [server.events.file.read_text(), server.stderr()]
    for message in server.queue():
        texts.append(server.run("trace", message["id"], "--json").stdout)
    texts.append(server.run("queue", "list", "--json").stdout)
    texts.append(server.run("route", "x@dest.test", "--json").stdout)
    return "\n".join(texts)


def assert_nowhere(server, *secrets):
    text = written(server)
    for secret in secrets:
        assert secret not in text and base64.b64encode(secret.encode()).decode() not in text


# Postfix.


@pytest.fixture
def dovecot(folder):
    made = Dovecot(folder, "dovecot.test", {"box": None}).start()
    yield made
    made.stop()


@pytest.fixture
def make_postfix(folder, certificate):
    made = []

    def make(relay_port, relay_tls, more):
        made.append(Postfix(folder, *certificate, relay_port, relay_tls, more))
        return made[-1].start()

    yield make
    for postfix in made:
        postfix.stop()


@pytest.fixture
def postfix_with_logins(make_postfix, dovecot):
    """Takes mail from nobody who has not logged in by TLS; Dovecot knows the passwords."""
    return make_postfix(ports.free_port(), "encrypt", {
        "mynetworks": "", "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": dovecot.auth, "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_auth_only": "yes",
        "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject"})


@pytest.mark.contract("6.smart-host", "interop.postfix")
@pytest.mark.parametrize("wanted, used", [(None, "SCRAM-SHA-256"), ("PLAIN", "PLAIN"),
                                          ("LOGIN", "LOGIN")])
def test_postfix_with_dovecot_is_a_smart_host(make_server, postfix_with_logins, folder, wanted,
                                              used):
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n")
    auth = {"user": "box@dovecot.test", "password_file": secret}
    if wanted:
        auth["mechanism"] = wanted
    server = routed(make_server, [{"recipient": "*", "auth": auth,
                                   "via": f"smtp://127.0.0.1:{postfix_with_logins.port}"}]).start()
    submit(server, "box@postfix.test", content=messages.simple("by a smart host"))
    assert b"Subject: by a smart host" in postfix_with_logins.maildir.wait()[0]
    assert f"sasl_method={used}, sasl_username=box@dovecot.test" in postfix_with_logins.log()
    assert server.events.wait("delivered")[0]["tls"].startswith("TLS")
    assert_nowhere(server, PASSWORD)


@pytest.mark.contract("6.smart-host", "6.auth-defers")
def test_a_wrong_password_at_postfix_defers(make_server, postfix_with_logins, folder):
    secret = folder / "password"
    secret.write_text("wrong\n")
    server = routed(make_server, [{
        "recipient": "*", "auth": {"user": "box@dovecot.test", "password_file": secret},
        "via": f"smtp://127.0.0.1:{postfix_with_logins.port}"}]).start()
    submit(server, "box@postfix.test")
    assert server.events.wait("deferred", seconds=30)[0]["reply"].startswith("535 5.7.8")
    secret.write_text(PASSWORD + "\n")
    server.reload()
    wait_until(lambda: server.retry() and postfix_with_logins.maildir.count(), "no mail", poll=0.5)
    assert not server.events.of("bounced")


@pytest.mark.contract("interop.postfix", "1.user.hash")
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
def test_posthaste_is_a_smart_host_of_postfix(make_server, make_postfix, make_sink, certificate,
                                              folder, mechanism):
    """Postfix logs in at our submission listener, and sends by STARTTLS."""
    sink = make_sink()
    hashed = run("user", "hash", stdin=PASSWORD.encode() + b"\n").stdout
    user = dict(re.findall(r'^(password|scram) = "(.*)"$', hashed, re.M))
    server = make_server(roles=("submission",), delivery={"tls": "off"},
                         tls={"certificate": certificate[0], "key": certificate[1]},
                         route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    server.domain("home.test", [{"address": "ann@home.test", **user}]).start()
    passwords = folder / "passwords"
    passwords.write_text(f"[127.0.0.1]:{server.port} ann@home.test:{PASSWORD}\n")
    postfix = make_postfix(server.port, "encrypt", {
        "smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": f"texthash:{passwords}",
        "smtp_sasl_security_options": "noanonymous", "smtp_sasl_mechanism_filter": mechanism})
    with Client(postfix.port) as client:
        client.ehlo()
        assert client.mail(messages.simple(), "ann@home.test", "x@dest.test").code == 250
    wait_until(lambda: sink.messages, postfix.log)
    assert sink.messages[0].forward_paths == ["x@dest.test"]
    received = server.events.wait("received")[0]
    assert received["auth"] == "ann@home.test" and received["tls"].startswith("TLS")
    assert "status=sent" in postfix.log()


# Bearer tokens.


@pytest.fixture
def make_token_peer(certificate):
    made = []

    def make(*tokens, **options):
        made.append(TokenPeer(tls.server_context(*certificate), "relay@home.test", tokens,
                              **options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


def with_token(make_server, peer, **auth):
    return routed(make_server, [{"recipient": "*", "via": f"smtp://{peer.address}",
                                 "auth": {"user": "relay@home.test", **auth}}])


@pytest.mark.contract("6.smart-host", "6.token")
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("octets", [40, 2_500])
def test_a_token_from_a_file(make_server, make_token_peer, folder, mechanism, octets):
    """The second one is too long for a command line."""
    token = "T0ken-._~+/" + "x" * octets + "=="
    peer = make_token_peer(token, mechanisms=(mechanism,))
    file = folder / "token"
    file.write_text(token + "\n")
    server = with_token(make_server, peer, token_file=file).start()
    submit(server, "x@dest.test")
    assert peer.wait()[0][1] == ["x@dest.test"]
    assert peer.logins == [(mechanism, "relay@home.test", token, True)] and not peer.mistakes
    assert_nowhere(server, token)


@pytest.mark.contract("6.token", "6.auth-defers")
def test_a_token_file_is_read_at_each_login(make_server, make_token_peer, folder):
    peer = make_token_peer("new", mechanisms=("XOAUTH2",))
    file = folder / "token"
    file.write_text("old\n")
    server = with_token(make_server, peer, token_file=file).start()
    submit(server, "x@dest.test")
    assert server.events.wait("deferred", seconds=30)[0]["reply"].startswith("535 5.7.8")
    file.write_text("new\n")
    server.retry()
    peer.wait()
    assert [login[2:] for login in peer.logins] == [("old", False), ("new", True)]
    assert not peer.mistakes and not server.events.of("bounced")


def script(folder, text):
    file = folder / "get-token"
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return file


@pytest.mark.contract("6.token")
def test_a_token_from_a_program_is_kept_until_it_is_refused(make_server, make_token_peer, folder):
    """The program counts its runs, and says so in the token; its arguments stay what they are."""
    peer = make_token_peer("1-a b;c", "2-a b;c", mechanisms=("OAUTHBEARER", "XOAUTH2"))
    peer.tokens = ["1-arg;$x"]
    program = script(folder, f'echo x >> {folder}/runs\n'
                             f'echo "$(wc -l < {folder}/runs | tr -d " ")-$1"\n')
    server = with_token(make_server, peer, token_command=[program, "arg;$x"])
    server.set(delivery={"messages_per_connection": 1})
    server.start()
    for number in range(3):
        submit(server, f"x{number}@dest.test")
        peer.wait(number + 1)
    assert (folder / "runs").read_text() == "x\n"
    peer.tokens = ["2-arg;$x"]  # The first one has expired; the second is asked for at once.
    submit(server, "y@dest.test")
    peer.wait(4)
    assert [login[2:] for login in peer.logins] == [
        ("1-arg;$x", True)] * 3 + [("1-arg;$x", False), ("2-arg;$x", True)]
    assert all(login[0] == "OAUTHBEARER" for login in peer.logins) and not peer.mistakes
    assert not server.events.of("deferred")
    assert_nowhere(server, "1-arg;$x", "arg;$x")


@pytest.mark.contract("6.token", "6.auth-defers")
@pytest.mark.parametrize("text, told", [
    ("echo hush >&2; exit 3", "exit status 3"), ("echo two words", "expected a token in one line"),
    ("kill -9 $$", "killed by signal 9")])
def test_a_program_that_makes_no_token_defers(make_server, make_token_peer, folder, text, told):
    peer = make_token_peer("good")
    program = script(folder, text + "\n")
    server = with_token(make_server, peer, token_command=[program]).start()
    submit(server, "x@dest.test")
    reply = server.events.wait("deferred", seconds=30)[0]["reply"]
    assert told in reply and str(program) in reply
    assert "hush" not in written(server) and not peer.logins
    script(folder, "echo good\n")
    server.retry()
    peer.wait()


# Who deceives.


class FalseScram:
    """Knows no password, and says all the same that the client is in."""

    def __init__(self, way):
        self.way = way
        self.proofs = []

    def __call__(self, session, verb, argument):
        if verb == "AUTH":
            first = base64.b64decode(argument.split()[1]).decode()
            nonce = re.search("r=([^,]*)", first)[1]
            iterations = {"too many iterations": 1_000_001, "few": 1}.get(self.way, 4096)
            return b"334 " + base64.b64encode(
                f"r={nonce}server,s=c2FsdHNhbHQ=,i={iterations}".encode()) + b"\r\n"
        if verb not in ("CONNECT", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "QUIT", "*"):
            self.proofs.append(session.commands[-1])
            return "235 2.7.0 welcome" if self.way == "no signature" else \
                "334 " + base64.b64encode(b"v=" + base64.b64encode(b"x" * 32)).decode()
        return None


@pytest.mark.contract("6.smart-host")
@pytest.mark.parametrize("way", ["no signature", "wrong signature", "too many iterations", "few"])
def test_who_does_not_know_the_password_gets_no_mail(make_server, make_sink, certificate, folder,
                                                     way):
    false = FalseScram(way)
    sink = make_sink(tls=tls.server_context(*certificate), script=false,
                     extensions=("8BITMIME", "AUTH PLAIN SCRAM-SHA-256"))
    secret = folder / "password"
    secret.write_text("s3cret\n")
    server = routed(make_server, [{
        "recipient": "*", "via": f"smtp://{sink.address}",
        "auth": {"user": "relay-user", "password_file": secret}}]).start()
    submit(server, "x@dest.test")
    reply = server.events.wait("deferred", seconds=30)[0]["reply"]
    assert not sink.messages and not server.events.of("bounced")
    assert ("iterations" in reply) == (way in ("too many iterations", "few")), reply
    assert bool(false.proofs) == ("iterations" not in reply)
    assert not any(line.startswith("MAIL") for line in sink.sessions[0].commands)
    assert_nowhere(server, "s3cret")


# Several hosts in one via.


@pytest.mark.contract("6.fail-over", "6.route.via")
@pytest.mark.parametrize("first", ["down", "421 4.3.2 later", "450 4.3.2 not now",
                                   "554 5.3.2 no mail here", "lost"])
def test_the_next_host_takes_over(make_server, make_sink, first):
    script = {"lost": "close"}.get(first, first)
    one = make_sink(listen=first != "down",
                    script=lambda _, verb, __: script if verb == "CONNECT" else None)
    two = make_sink()
    server = routed(make_server, [{
        "recipient": "*", "via": f"smtp://{one.address},smtp://{two.address}"}]).start()
    submit(server, "x@dest.test")
    assert two.wait()[0].forward_paths == ["x@dest.test"]
    delivered = server.events.wait("delivered")[0]
    assert delivered["via"] == f"smtp://{one.address},{two.address}"
    assert delivered["address"] == two.address
    assert not server.events.of("deferred")
    if first == "down":
        one.open()
        one.script = None
        wait_until(lambda: two.sessions[-1].closed, "the connection stays", seconds=30)
        submit(server, "y@dest.test")
        assert one.wait()[0].forward_paths == ["y@dest.test"], "the first host comes first"


@pytest.mark.contract("6.fail-over", "6.greeting")
def test_a_5yz_greeting_bounces_only_when_every_host_has_said_so(make_server, make_sink):
    hosts = [make_sink(script=lambda _, verb, __: "554 5.3.2 no" if verb == "CONNECT" else None)
             for _ in range(3)]
    hosts[1].script = lambda _, verb, __: "450 4.3.2 wait" if verb == "CONNECT" else None
    via = ",".join(host.address for host in hosts)
    server = routed(make_server, [{"recipient": "*", "via": f"smtp://{via}"}]).start()
    submit(server, "x@dest.test", reverse_path="")
    server.events.wait("deferred", seconds=30)
    assert not server.events.of("bounced")
    queued = server.queue()[0]["recipients"][0]
    assert queued["via"] == f"smtp://{via}"
    hosts[1].script = hosts[0].script
    server.retry()
    assert server.events.wait("bounced")[0]["reply"].startswith("554 5.3.2")


@pytest.mark.contract("6.fail-over")
def test_a_refusal_of_the_transaction_ends_the_attempt(make_server, make_sink):
    one = make_sink(script=lambda _, verb, __: "550 5.1.1 nobody" if verb == "RCPT" else None)
    two = make_sink()
    server = routed(make_server, [{
        "recipient": "*", "via": f"smtp://{one.address},{two.address}"}]).start()
    submit(server, "x@dest.test", reverse_path="")
    server.events.wait("bounced")
    assert not two.sessions


@pytest.mark.contract("6.fail-over", "1.queue.reroute")
def test_a_reroute_names_several_hosts(make_server, make_sink):
    one, two = make_sink(listen=False), make_sink()
    server = routed(make_server, [{"recipient": "*", "via": f"smtp://{one.address}"}]).start()
    submit(server, "x@dest.test")
    server.events.wait("deferred", seconds=30)
    via = f"smtp://{one.address},{two.address}"
    done = server.run("queue", "reroute", "--all", "--via", via)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: server.retry() and two.messages, "not rerouted")
    assert server.events.wait("delivered")[0]["via"] == via
    wrong = server.run("queue", "reroute", "--all", "--via", f"smtp://{one.address},smtps://b")
    assert wrong.returncode == 2 and "smtp:// for all hosts" in wrong.stderr


@pytest.mark.contract("6.fail-over", "4.route")
def test_route_lists_the_hosts_in_the_order_of_trial(make_server, dns):
    dns.zone.update({"one.test": {"A": ["127.0.0.3"]}, "two.test": {"A": ["127.0.0.2"]},
                     "gone.test": "NXDOMAIN"})
    server = routed(make_server, [{
        "recipient": "*", "via": "smtp://two.test:2525,gone.test,one.test,[::1]:26"}],
        dns={"servers": [dns.address]})
    found = json.loads(server.run("route", "x@dest.test", "--json").stdout)
    assert found["outcome"] == "relay"
    assert found["via"] == "smtp://two.test:2525,gone.test:25,one.test:25,[::1]:26"
    assert [(host["preference"], host["name"], host["addresses"]) for host in found["hosts"]] == [
        (0, "two.test", ["127.0.0.2"]), (2, "one.test", ["127.0.0.3"]), (3, "[IPv6:::1]", ["::1"])]


# TLS of each route.


@pytest.mark.contract("6.route.tls")
def test_tls_for_each_route(make_server, make_sink, certificate):
    """The certificate is that of an authority which nobody here trusts."""
    context = tls.server_context(*certificate)
    hosts = {policy: make_sink(tls=context) for policy in ("off", "require", "verify")}
    plain = make_sink()
    routes = [{"recipient": f"{policy}.test", "tls": policy, "via": f"smtp://{sink.address}"}
              for policy, sink in hosts.items()]
    routes += [{"recipient": "plain.test", "tls": "require", "via": f"smtp://{plain.address}"},
               {"recipient": "same.test", "via": f"smtp://{hosts['verify'].address}"}]
    server = routed(make_server, routes).start()
    for name in (*hosts, "plain", "same"):
        submit(server, f"x@{name}.test", reverse_path="")
    assert not hosts["off"].wait()[0].session.tls
    assert hosts["require"].wait()[0].session.tls
    server.events.wait("deferred", 2, seconds=30)
    deferred = {event["to"]: event for event in server.events.of("deferred")}
    assert set(deferred) == {"x@verify.test", "x@plain.test"} and not plain.messages
    assert "certificate" in deferred["x@verify.test"]["reply"]
    assert deferred["x@verify.test"]["via"].endswith(" with TLS verify")
    for name, word in (("off", "off"), ("verify", "verify"), ("same", "opportunistic")):
        found = json.loads(server.run("route", f"x@{name}.test", "--json").stdout)
        assert [step["why"] for step in found["steps"] if step["what"] == "TLS"][0].startswith(word)
    # The same host by another route has connections of its own.
    assert [m.forward_paths for m in hosts["verify"].wait()] == [["x@same.test"]]


@pytest.mark.contract("6.route.tls")
def test_tls_of_a_route_by_mx(make_server, make_sink, dns):
    port = ports.free_port(("127.0.0.2",))
    sink = make_sink("127.0.0.2", port)
    dns.zone.update({"dest.test": {"MX": [(10, "one.test")]}, "one.test": {"A": ["127.0.0.2"]}})
    server = routed(make_server, [{"recipient": "dest.test", "via": "mx:", "tls": "require"}],
                    dns={"servers": [dns.address]}, delivery={"port": port}).start()
    submit(server, "x@dest.test")
    assert "STARTTLS is not offered" in server.events.wait("deferred", seconds=30)[0]["reply"]
    assert not sink.messages


# Tables.


def table_server(make_server, folder, text, **route):
    file = folder / "routes"
    file.write_text(text)
    return file, routed(make_server, [{"table": file, **route}])


@pytest.mark.contract("2.route-table")
def test_a_table_of_100000_routes(make_server, make_sink, folder):
    rest, one, two = make_sink(), make_sink(), make_sink()
    rows = [f"d{number}.test smtp://{one.address}\n" for number in range(100_000)]
    text = "# many\n" + "".join(rows) + f"bob@d7.test smtp://{two.address}\n"
    file, server = table_server(make_server, folder, text)
    server.set(route=[*server.settings["route"],
                      {"recipient": "*", "via": f"smtp://{rest.address}"}])
    server.start()
    submit(server, "ann@d7.test", "Bob@D7.test", "x@d99999.test", "x@d100000.test")
    assert sorted(one.wait()[0].forward_paths) == ["ann@d7.test", "x@d99999.test"]
    assert two.wait()[0].forward_paths == ["Bob@D7.test"]
    assert rest.wait()[0].forward_paths == ["x@d100000.test"]
    found = json.loads(server.run("route", "x@d5.test", "--json").stdout)
    assert any(step["what"] == f"[[route]] 1: table {file}"
               and step["why"].startswith("line 7 matches") for step in found["steps"]), found
    assert server.memory() < 200 << 20


@pytest.mark.contract("2.route-table", "1.serve.sighup")
def test_a_table_is_read_again_at_sighup(make_server, make_sink, folder):
    one, two = make_sink(), make_sink()
    file, server = table_server(make_server, folder, f"dest.test smtp://{one.address}\n")
    server.start()
    submit(server, "x@dest.test")
    one.wait()
    file.write_text("dest.test nonsense\n")
    server.reload()
    wait_until(lambda: "nonsense" in server.stderr(), server.stderr)
    assert f"{file}:1: expected smtp://" in server.stderr()
    submit(server, "x@dest.test")
    one.wait(2)  # The old one stays.
    file.write_text(f"dest.test smtp://{two.address}\n")
    server.reload()
    wait_until(lambda: submit(server, "x@dest.test") and two.messages, "not read again", poll=0.2)


@pytest.mark.contract("2.route-table", "1.mistakes")
def test_mistakes_in_a_table_are_told_with_their_lines(make_server, folder):
    file, server = table_server(make_server, folder,
                                "good.test mx:\n\nbad@@x mx:\nb.test smtp://\n"
                                "good.test mx:\nc.test maildir:/x\n", tls="require")
    done = server.run("check")
    assert done.returncode == 2
    for line, text in ((3, "bad@@x"), (4, "HOST"), (5, "in line 1"), (6, "tls: expected a host")):
        assert any(told.startswith(f"{file}:{line}: ") and text in told
                   for told in done.stderr.splitlines()), (line, done.stderr)
    file.unlink()
    done = server.run("check")
    assert done.returncode == 2 and "route[1].table" in done.stderr and str(file) in done.stderr
    served = server.run("serve")
    assert served.returncode == 2 and str(file) in served.stderr
