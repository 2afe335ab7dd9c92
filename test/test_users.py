"""Accounts kept beside the configuration: user add, remove, list, passwd."""

import base64
import json
import sqlite3
import subprocess

import pytest

from support import binary, messages, tls
from support.smtp import Client, tls_client
from support.wait import wait_until


@pytest.fixture
def server(make_server, certificate):
    made = make_server(roles=("mx", "submissions"),
                       tls={"certificate": certificate[0], "key": certificate[1]})
    return made.domain("home.test", ("ann",))


def user(server, *arguments, stdin=b"", status=0):
    done = server.run("user", *arguments, stdin=stdin)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def known(server, address):
    with Client(server.ports["mx"]) as client:
        client.ehlo()
        client.envelope("x@far.test")
        return client.command(f"RCPT TO:<{address}>").code == 250


def logs_in(server, address, password):
    with tls_client(server.ports["submissions"], tls.careless_client_context()) as client:
        client.ehlo()
        words = base64.b64encode(f"\0{address}\0{password}".encode()).decode()
        return client.command("AUTH PLAIN " + words).code == 235


@pytest.mark.contract("1.user")
def test_an_added_account_is_in_force_at_once(server):
    server.start()
    assert not known(server, "bob@home.test")
    user(server, "add", "Bob@home.test", stdin=b"first secret\n")
    wait_until(lambda: known(server, "bob@home.test"), "bob is still unknown")
    assert logs_in(server, "bob@home.test", "first secret")
    assert not logs_in(server, "bob@home.test", "second secret")
    user(server, "passwd", "bob@home.test", stdin=b"second secret\n")
    wait_until(lambda: logs_in(server, "bob@home.test", "second secret"), "the old password stays")
    assert not logs_in(server, "bob@home.test", "first secret")
    with Client(server.ports["mx"]) as client:
        client.ehlo()
        assert client.mail(messages.simple(), "x@far.test", "bob+x@home.test").code == 250
    server.maildir("Bob@home.test").wait()
    listed = user(server, "list").stdout
    assert "Bob@home.test" in listed and "secret" not in listed
    assert "Bob@home.test" in json.dumps(json.loads(user(server, "list", "--json").stdout))
    user(server, "remove", "bob@home.test")
    wait_until(lambda: not known(server, "bob@home.test"), "bob is still known")
    assert not logs_in(server, "bob@home.test", "second secret")


@pytest.mark.contract("1.user")
def test_accounts_of_a_stopped_server_survive(server):
    user(server, "add", "bob@home.test", stdin=b"secret of bob\n")
    server.start()
    assert known(server, "bob@home.test") and logs_in(server, "bob@home.test", "secret of bob")
    server.restart()
    assert logs_in(server, "bob@home.test", "secret of bob")


@pytest.mark.contract("1.user")
def test_passwords_are_stored_as_verifiers_alone(server):
    user(server, "add", "bob@home.test", stdin=b"secret of bob\n")
    files = [file for file in server.data_dir.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert b"secret of bob" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0, file
    texts = b"".join(file.read_bytes() for file in files)
    assert b"$argon2id$" in texts and b"SCRAM-SHA-256$" in texts


@pytest.mark.contract("1.user")
def test_scram_is_offered_when_an_account_has_it(server):
    server.start()
    with tls_client(server.ports["submissions"], tls.careless_client_context()) as client:
        assert "SCRAM" not in client.ehlo().text
    user(server, "add", "bob@home.test", stdin=b"secret of bob\n")

    def offered():
        with tls_client(server.ports["submissions"], tls.careless_client_context()) as client:
            return "SCRAM-SHA-256" in client.ehlo().text

    wait_until(offered, "SCRAM is not offered")


@pytest.mark.contract("1.user")
@pytest.mark.parametrize("arguments, stdin, status", [
    (["add", "ann@home.test"], b"x\n", 1),  # In the configuration already.
    (["add", "bob@elsewhere.test"], b"x\n", 1), (["add", "bob@home.test"], b"", 1),
    (["add", "a..b@home.test"], b"x\n", 2), (["add"], b"x\n", 2),
    (["remove", "nobody@home.test"], b"", 1), (["passwd", "nobody@home.test"], b"x\n", 1),
    (["remove", "ann@home.test"], b"", 1), (["add", "bob@home.test", "password"], b"", 2)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_user_refuses(server, arguments, stdin, status):
    done = server.run("user", *arguments, stdin=stdin)
    assert done.returncode in (1, 2) and done.stderr
    assert done.returncode == status or status == 1


@pytest.mark.contract("1.user")
def test_adding_twice_is_refused_and_changes_nothing(server):
    user(server, "add", "bob@home.test", stdin=b"first secret\n")
    user(server, "add", "BOB@home.test", stdin=b"second secret\n", status=1)
    server.start()
    assert logs_in(server, "bob@home.test", "first secret")


@pytest.mark.contract("1.user.hash")
def test_the_output_of_hash_serves_in_the_configuration(server):
    done = subprocess.run([binary.posthaste(), "user", "hash"], input=b"secret of emil\n",
                          capture_output=True, timeout=30)
    text = server.config_file.read_text()
    server.config_file.write_text(
        f'{text}\n[[user]]\naddress = "emil@home.test"\n{done.stdout.decode()}\n')
    server.start()
    assert logs_in(server, "emil@home.test", "secret of emil")


@pytest.mark.contract("1.user")
def test_a_damaged_account_file_is_told_and_does_not_open_the_door(server):
    user(server, "add", "bob@home.test", stdin=b"secret of bob\n")
    path = next(file for file in server.data_dir.rglob("*.db"))
    assert sqlite3.connect(path).execute("select count(*) from sqlite_master").fetchone()[0]
    path.write_bytes(b"not a database" * 1000)
    done = server.run("user", "list")
    assert done.returncode == 1 and done.stderr
