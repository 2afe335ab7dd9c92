"""Logins by each mechanism that gsasl, swaks and smtplib know, and certificates that are renewed."""

import base64
import hashlib
import hmac
import re
import signal
import smtplib
import ssl
import subprocess
import time

import pytest

from support import messages, tls
from support.server import run
from support.smtp import Client, stuffed, tls_client
from support.wait import wait_until

PASSWORD = "open sesame"
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def verifiers():
    """password and scram of a [[user]], as `user hash` prints them."""
    done = run("user", "hash", stdin=PASSWORD.encode() + b"\n")
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r'^(password|scram) = "(.*)"$', done.stdout, re.M))
    assert set(found) == {"password", "scram"}, done.stdout
    return found


@pytest.fixture
def server(make_server, certificate, verifiers):
    """ann has both verifiers, bob can log in by PLAIN and LOGIN alone."""
    made = make_server(roles=("submission", "submissions"),
                       tls={"certificate": certificate[0], "key": certificate[1]})
    made.domain("home.test", [{"address": "ann@home.test", **verifiers},
                              {"address": "bob@home.test", "password": verifiers["password"]}])
    return made.start()


def submit(server, context):
    client = tls_client(server.ports["submissions"], context)
    client.hello = client.ehlo()
    return client


def gsasl(server, authority, mechanism, password, user="ann@home.test"):
    """Logs in through STARTTLS; gsasl sends no mail. An empty authorization identity, for which it
    asks else, is none of SCRAM's."""
    return subprocess.run(
        ["gsasl", "--smtp", "--connect", f"localhost:{server.ports['submission']}",
         "--x509-ca-file", str(authority.certificate), "--mechanism", mechanism,
         "--authentication-id", user, "--password", password, "--no-cb",
         *(["--authorization-id", ""] if mechanism == "PLAIN" else [])],
        input="", capture_output=True, text=True, timeout=50)


@pytest.mark.contract("1.user.hash", "6.auth")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_gsasl_logs_in(server, authority, mechanism):
    done = gsasl(server, authority, mechanism, PASSWORD)
    assert done.returncode == 0 and "235 2.7.0" in done.stdout, done.stdout + done.stderr


@pytest.mark.contract("5.wrong-password")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_gsasl_with_a_wrong_password_hears_535(server, authority, mechanism):
    done = gsasl(server, authority, mechanism, "nonsense")
    assert "535 5.7.8" in done.stdout and "235" not in done.stdout, done.stdout + done.stderr


@pytest.mark.contract("6.auth")
def test_gsasl_prefers_scram_when_it_may_choose(server, authority):
    done = subprocess.run(
        ["gsasl", "--smtp", "--connect", f"localhost:{server.ports['submission']}",
         "--x509-ca-file", str(authority.certificate), "--authentication-id", "ann@home.test",
         "--password", PASSWORD, "--no-cb"], input="", capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AUTH SCRAM-SHA-256" in done.stdout + done.stderr


@pytest.mark.contract("6.auth")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_swaks_logs_in_beside_scram(server, authority, mechanism, mode):
    port, how = (server.ports["submissions"], "-tlsc") if mode == "implicit" else (
        server.ports["submission"], "-tls")
    done = subprocess.run(
        ["swaks", "--server", "localhost", "--port", str(port), how, "--from", "bob@home.test",
         "--to", "ann@home.test", "--auth", mechanism, "--auth-user", "bob@home.test",
         "--auth-password", PASSWORD, "--tls-verify", "--tls-ca-path", str(authority.certificate)],
        capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout
    assert server.events.wait("received")[0]["auth"] == "bob@home.test"


@pytest.mark.contract("6.auth")
def test_smtplib_logs_in_by_what_it_chooses(server, authority):
    with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                          context=tls.client_context(authority)) as client:
        assert client.login("bob@home.test", PASSWORD)[0] == 235
        client.sendmail("bob@home.test", ["ann@home.test"], messages.simple())
    server.maildir("ann@home.test").wait()


# SCRAM by hand, message by message.


class Scram:
    """A client of SCRAM-SHA-256 [RFC5802] that can go wrong where a test wants it to."""

    def __init__(self, user, password, nonce="abcdefghijklmnop", gs2="n,,"):
        self.password = password.encode()
        self.nonce, self.gs2 = nonce, gs2
        self.bare = f"n={user},r={nonce}"

    @property
    def first(self):
        return base64.b64encode((self.gs2 + self.bare).encode()).decode()

    def final(self, challenge, nonce=None, proof=None, binding=None):
        server_first = base64.b64decode(challenge).decode()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 10
        self.iterations = int(fields["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]),
                                     self.iterations)
        digest = lambda key, text: hmac.new(key, text, "sha256").digest()
        client_key = digest(salted, b"Client Key")
        without_proof = "c=" + base64.b64encode((binding or self.gs2).encode()).decode() + \
            ",r=" + (nonce or fields["r"])
        auth = f"{self.bare},{server_first},{without_proof}".encode()
        signature = digest(hashlib.sha256(client_key).digest(), auth)
        self.server_signature = digest(digest(salted, b"Server Key"), auth)
        proof = proof or bytes(a ^ b for a, b in zip(client_key, signature))
        return base64.b64encode(
            f"{without_proof},p={base64.b64encode(proof).decode()}".encode()).decode()


@pytest.fixture
def client(server, authority):
    with submit(server, tls.client_context(authority)) as made:
        yield made


@pytest.mark.contract("6.auth")
@pytest.mark.parametrize("initial", [True, False], ids=["initial response", "without"])
def test_scram_proves_both_sides(client, initial):
    assert "AUTH PLAIN LOGIN SCRAM-SHA-256" in client.hello.text
    scram = Scram("ann@home.test", PASSWORD)
    if initial:
        reply = client.command("AUTH SCRAM-SHA-256 " + scram.first)
    else:
        assert client.command("AUTH SCRAM-SHA-256").code == 334
        reply = client.command(scram.first)
    assert reply.code == 334
    reply = client.command(scram.final(reply.text))
    assert scram.iterations >= 4096
    if reply.code == 334:  # The server's signature, to which the client has nothing to add.
        assert base64.b64decode(reply.text) == b"v=" + base64.b64encode(scram.server_signature)
        reply = client.command("")
    assert reply.is_("235 2.7.0"), reply
    assert client.command("MAIL FROM:<ann@home.test>").code == 250
    assert client.command("AUTH SCRAM-SHA-256 " + scram.first).is_("503 5.5.1")


@pytest.mark.contract("5.wrong-password")
@pytest.mark.parametrize("user, password, wrong", [
    ("ann@home.test", "wrong", {}), ("nobody@home.test", PASSWORD, {}),
    ("bob@home.test", PASSWORD, {}), ("ann@home.test", PASSWORD, {"proof": b"x" * 32}),
    ("ann@home.test", PASSWORD, {"nonce": "another"}),
    ("ann@home.test", PASSWORD, {"binding": "y,,"})],
    ids=["wrong password", "unknown", "without verifier", "proof", "nonce", "binding"])
def test_scram_refuses_all_alike(client, user, password, wrong):
    scram = Scram(user, password)
    reply = client.command("AUTH SCRAM-SHA-256 " + scram.first)
    assert reply.code == 334, reply
    reply = client.command(scram.final(reply.text, **wrong))
    assert reply.is_("535 5.7.8"), reply
    assert client.command("MAIL FROM:<ann@home.test>").is_("530 5.7.0")


@pytest.mark.contract("5.wrong-password")
def test_scram_of_an_unknown_account_has_the_same_salt_each_time(client):
    """Else it could be told from one that exists."""
    salts = set()
    for number in range(2):
        scram = Scram("nobody@home.test", PASSWORD, nonce=f"nonce{number}nonce")
        challenge = base64.b64decode(client.command("AUTH SCRAM-SHA-256 " + scram.first).text)
        salts.add(re.search(rb"s=([^,]+),i=\d+$", challenge)[1])
        assert client.command("*").code == 501
    assert len(salts) == 1


@pytest.mark.contract("6.auth")
def test_scram_is_offered_only_while_an_account_has_it(server, authority):
    server.set(user=[{key: value for key, value in user.items() if key != "scram"}
                     for user in server.settings["user"]])
    server.restart()
    with submit(server, tls.client_context(authority)) as client:
        assert "AUTH PLAIN LOGIN" in [line[4:] for line in client.hello.lines]
        scram = Scram("ann@home.test", PASSWORD)
        assert client.command("AUTH SCRAM-SHA-256 " + scram.first).is_("504 5.5.4")


@pytest.mark.contract("5.wrong-password")
def test_accounts_cannot_be_told_apart_by_time(server, authority):
    """Medians of a few tries; a check that is skipped would be tens of times faster."""
    times = {}
    for user in ("ann@home.test", "nobody@home.test"):
        spent = []
        for _ in range(5):
            with submit(server, tls.client_context(authority)) as client:
                words = base64.b64encode(f"\0{user}\0wrong".encode()).decode()
                start = time.monotonic()
                assert client.command("AUTH PLAIN " + words).code == 535
                spent.append(time.monotonic() - start)
        times[user] = sorted(spent)[2]
    assert 0.4 < times["ann@home.test"] / times["nobody@home.test"] < 2.5, times


# Certificates.


def served(server, role="submissions"):
    """Serial number of the certificate that a new session gets."""
    context = tls.careless_client_context()
    with tls_client(server.ports[role], context) as client:
        der = client.socket.getpeercert(binary_form=True)
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def renewable(make_server, authority, folder, verifiers):
    files = folder / "cert.pem", folder / "key.pem"
    made = make_server(roles=("submissions", "mx"), tls={"certificate": files[0], "key": files[1]})
    made.files = files
    made.domain("home.test", [{"address": "ann@home.test", **verifiers}])

    def install(name):
        for issued, file in zip(authority.issue(name), files):
            file.write_bytes(issued.read_bytes())

    made.install = install
    made.install("one.test")
    return made.start()


@pytest.mark.contract("1.serve.sighup", "2.tls.reload")
def test_a_renewed_certificate_is_served_and_no_session_is_dropped(renewable, authority):
    context = tls.client_context(authority)
    before = served(renewable)
    in_tls, in_transaction, plain = (submit(renewable, context), submit(renewable, context),
                                     Client(renewable.ports["mx"]))
    plain.ehlo()
    words = base64.b64encode(f"\0ann@home.test\0{PASSWORD}".encode()).decode()
    for client in (in_tls, in_transaction):
        assert client.command("AUTH PLAIN " + words).code == 235
    in_transaction.envelope("ann@home.test", "ann@home.test")
    assert in_transaction.command("DATA").code == 354
    in_transaction.send("Subject: over the renewal\r\n")
    renewable.install("two.test")
    renewable.process.send_signal(signal.SIGHUP)
    wait_until(lambda: served(renewable) != before, "the old certificate is still served")
    in_transaction.send("\r\nstill here\r\n.\r\n")
    assert in_transaction.reply().code == 250
    assert in_tls.mail(messages.simple("old session"), "ann@home.test", "ann@home.test").code == 250
    # A session from before may start TLS after it.
    plain.start_tls(context)
    assert plain.ehlo().code == 250
    assert len(renewable.maildir("ann@home.test").wait(2)) == 2
    assert not [event for event in renewable.events.of("session_closed")
                if event["reason"] and "shut" in event["reason"]]


@pytest.mark.contract("1.serve.sighup")
@pytest.mark.parametrize("bad", ["certificate", "key of another", "configuration", "missing"])
def test_a_bad_file_leaves_the_old_one(renewable, authority, bad):
    before = served(renewable)
    open_session = Client(renewable.ports["mx"])
    open_session.ehlo()
    config = renewable.config_file.read_text()
    if bad == "certificate":
        renewable.files[0].write_text("-----BEGIN CERTIFICATE-----\nxxx\n")
        complaint = "certificate"
    elif bad == "key of another":
        renewable.files[1].write_bytes(authority.issue("three.test")[1].read_bytes())
        complaint = "key"
    elif bad == "missing":
        renewable.files[0].unlink()
        complaint = "certificate"
    else:
        renewable.config_file.write_text(config.replace("home.test", "other.test") +
                                         "\n[nonsense]\nx = 1\n")
        complaint = "nonsense"
    logged = renewable.events.file.stat().st_size
    renewable.process.send_signal(signal.SIGHUP)
    wait_until(lambda: complaint in renewable.stderr(), lambda: renewable.stderr())
    wait_until(lambda: complaint in renewable.events.file.read_text()[logged:],
               lambda: renewable.events.file.read_text()[logged:])
    assert served(renewable) == before
    reply = open_session.mail(messages.simple(), "a@b.test", "ann@home.test")
    assert reply.code == 250
    # And a good one is taken again.
    renewable.config_file.write_text(config)
    renewable.install("four.test")
    renewable.process.send_signal(signal.SIGHUP)
    wait_until(lambda: served(renewable) != before, "a good file is not taken")
