"""SIGHUP: everything that the configuration names is read again, atomically; open sessions live on."""

import base64
import os
import signal

import pytest

from support import messages, ports, tls
from support.smtp import Client, submit, tls_client
from support.wait import wait_until


def accepts(server, recipient, port=None):
    try:
        with Client(port or server.port) as client:
            client.ehlo()
            client.envelope("x@far.test")
            return client.command(f"RCPT TO:<{recipient}>").code == 250
    except OSError:
        return False


@pytest.mark.contract("1.serve.sighup")
def test_domains_users_and_aliases_are_read_again(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    assert accepts(server, "ann@home.test") and not accepts(server, "bob@home.test")
    server.domain("second.test", ("carl",))
    server.set(user=server.settings["user"] + [{"address": "bob@home.test"}],
               alias=[{"address": "team@home.test", "to": ["ann@home.test"]}])
    server.reload()
    wait_until(lambda: accepts(server, "bob@home.test"), server.stderr)
    assert accepts(server, "carl@second.test") and accepts(server, "team@home.test")
    submit(server, "carl@second.test", "bob@home.test", reverse_path="x@far.test")
    server.maildir("carl@second.test").wait()
    server.maildir("bob@home.test").wait()
    server.set(user=[{"address": "ann@home.test"}], alias=None)
    server.reload()
    wait_until(lambda: not accepts(server, "bob@home.test"), server.stderr)
    assert not accepts(server, "team@home.test") and accepts(server, "ann@home.test")


@pytest.mark.contract("1.serve.sighup")
def test_mail_for_a_mailbox_that_was_accepted_before_it_went_is_not_lost(make_server, sink):
    """It waits, and is decided anew at each attempt."""
    server = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1h"]},
                         delivery={"tls": "off"},
                         route=[{"recipient": "far.test", "via": "smtp://127.0.0.1:9"}])
    server.domain("home.test", ("ann",)).start()
    submit(server, "bob@far.test")
    server.events.wait("deferred")
    server.set(route=[{"recipient": "far.test", "via": f"smtp://{sink.address}"}])
    server.reload()
    wait_until(lambda: server.retry() and sink.messages, "the new route is not used", poll=0.2)
    server.wait_queue_empty()
    assert len(sink.messages) == 1


@pytest.mark.contract("1.serve.sighup")
def test_limits_relays_and_passwords_are_read_again(make_server, certificate, password_hash):
    server = make_server(roles=("mx", "submissions"),
                         tls={"certificate": certificate[0], "key": certificate[1]})
    server.domain("home.test", [{"address": "ann@home.test", "password": password_hash}]).start()

    def logs_in():
        context = tls.careless_client_context()
        with tls_client(server.ports["submissions"], context) as client:
            client.ehlo()
            words = base64.b64encode(b"\0ann@home.test\0open sesame").decode()
            return client.command("AUTH PLAIN " + words).code == 235

    def size():
        with Client(server.port) as client:
            return client.ehlo().text

    assert logs_in() and not accepts(server, "x@elsewhere.test") and "SIZE 52428800" in size()
    server.set(limits={"message_size": "1MiB", "recipients": 7},
               relay={"networks": ["127.0.0.1"]}, user=[{"address": "ann@home.test"}])
    server.reload()
    wait_until(lambda: "SIZE 1048576" in size(), size)
    assert "RCPTMAX=7" in size() and accepts(server, "x@elsewhere.test") and not logs_in()


@pytest.mark.contract("1.serve.sighup")
def test_listeners_come_and_go(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    old_port, new_port = server.port, ports.free_port()
    session = Client(old_port)
    session.ehlo()
    server.set(listener=[{"address": f"127.0.0.1:{new_port}", "role": "mx"}])
    server.reload()
    wait_until(lambda: accepts(server, "ann@home.test", new_port), server.stderr)
    with pytest.raises(OSError):
        Client(old_port)
    # The session of the listener that is gone lives on.
    assert session.mail(messages.simple(), "x@far.test", "ann@home.test").code == 250
    server.port_of_both = new_port
    server.set(listener=[{"address": f"127.0.0.1:{port}", "role": "mx"}
                         for port in (old_port, new_port)])
    server.reload()
    wait_until(lambda: accepts(server, "ann@home.test", old_port), server.stderr)
    assert accepts(server, "ann@home.test", new_port)


@pytest.mark.contract("1.serve.sighup")
def test_a_listener_that_cannot_be_bound_leaves_everything_as_it_was(make_server):
    """Atomically: nothing else of that file is in force."""
    other = make_server().start()
    server = make_server().domain("home.test", ("ann",)).start()
    server.set(listener=server.settings["listener"] + [
        {"address": f"127.0.0.1:{other.port}", "role": "mx"}])
    server.set(user=server.settings["user"] + [{"address": "bob@home.test"}])
    server.reload()
    wait_until(lambda: str(other.port) in server.stderr(), server.stderr)
    assert accepts(server, "ann@home.test") and not accepts(server, "bob@home.test")
    assert server.is_running()


@pytest.mark.contract("1.serve.sighup")
def test_a_bad_file_leaves_the_old_one_and_is_told_with_its_place(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    good = server.config_file.read_text()
    server.config_file.write_text(good + '\n[[user]]\naddress = "bob@home.test"\nretr = 1\n')
    server.reload()
    wait_until(lambda: "retr" in server.stderr(), server.stderr)
    assert str(server.config_file) in server.stderr()
    assert accepts(server, "ann@home.test") and not accepts(server, "bob@home.test")


@pytest.mark.contract("1.serve.sighup")
def test_the_log_file_is_opened_anew(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    submit(server, "ann@home.test")
    server.events.wait("delivered")
    rotated = server.folder / "events.log.1"
    server.events.file.rename(rotated)
    server.reload()
    wait_until(lambda: server.events.file.exists(), "no new file")
    submit(server, "ann@home.test")
    wait_until(lambda: "received" in server.events.file.read_text(), "nothing in the new file")


@pytest.mark.contract("1.serve.sighup")
def test_open_sessions_live_on_over_many_reloads(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    sessions = [Client(server.port) for _ in range(10)]
    for session in sessions:
        session.ehlo()
    for number, session in enumerate(sessions):
        server.set(limits={"recipients": 100 + number})
        server.reload()
        session.envelope("x@far.test", "ann@home.test")
        server.reload()
        assert session.command("DATA").code == 354
        session.send(f"Subject: {number}\r\n\r\n.\r\n")
        assert session.reply().code == 250
    assert len(server.maildir("ann@home.test").wait(10)) == 10
    for session in sessions:
        assert session.command("QUIT").code == 221


@pytest.mark.contract("1.serve.sighup")
def test_sighup_while_it_starts_or_under_load_does_not_end_it(make_server):
    server = make_server().domain("home.test", ("ann",)).start()
    for _ in range(20):
        os.kill(server.process.pid, signal.SIGHUP)
    submit(server, "ann@home.test")
    server.maildir("ann@home.test").wait()
    assert server.is_running()


@pytest.mark.contract("1.serve.sighup")
def test_the_queues_options_are_read_again(make_server, sink):
    sink.script = lambda _, verb, __: "451 4.3.0 later" if verb == "RCPT" else None
    server = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1h"]},
                         delivery={"tls": "off"},
                         route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    server.domain("home.test", ("ann",)).start()
    server.set(queue={"retry": ["1s"]})
    server.reload()
    wait_until(lambda: "x" if submit(server, "bob@dest.test") and len(
        server.events.of("deferred")) >= 5 else None, server.stderr, poll=0.5)
