"""The commands: what they print, their exit status, and what they never do."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from support import binary, messages, ports, tls
from support.server import run, toml_document
from support.sink import CLOSE
from support.smtp import Client, stuffed
from support.wait import wait_until


# check


def check(folder, text, *more):
    file = folder / "posthaste.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return run("check", "--config", file, *more)


MISTAKES = '''hostname = 5
colour = "red"
[[listener]]
address = "nonsense"
role = "mxx"
[limits]
message_size = "5 apples"
recipients = -1
[tls]
certificate = "missing.pem"
key = "missing.key"
[queue]
retry = ["1m", "1x"]
[[domain]]
name = "a..b"
deliver = "teleport:"
[[route]]
recipient = "*"
via = "ftp://x"
'''


def test_check_finds_all_mistakes_and_says_where_they_stand(folder):
    done = check(folder, MISTAKES)
    assert done.returncode == 2 and not done.stdout
    file = folder / "posthaste.toml"
    for line, column, key in [(1, 12, "hostname"), (2, 1, "colour"), (4, 11, "listener[1].address"),
                              (5, 8, "listener[1].role"), (7, 16, "limits.message_size"),
                              (8, 14, "limits.recipients"), (13, 16, "queue.retry[2]"),
                              (15, 8, "domain[1].name"), (16, 11, "domain[1].deliver"),
                              (19, 7, "route[1].via")]:
        assert f"{file}:{line}:{column}: {key}: " in done.stderr
    assert done.stderr.count("expected") >= 8


@pytest.mark.parametrize("text", [
    "x = [1,\n y=", "[queue]\n[queue]\n", 'hostname = "a"\nhostname = "b"\n', "= 1\n", '"unclosed\n',
    b'hostname = "\xff\xfe"\n', b"\0", "[[[x]]]\n", "a = 1 2\n"])
def test_check_says_where_a_file_is_no_toml(folder, text):
    done = check(folder, text)
    assert done.returncode == 2
    assert re.search(rf"^{re.escape(str(folder))}/posthaste.toml:\d+:\d+: .+", done.stderr, re.M)


@pytest.mark.parametrize("text", [
    '[[listener]]\naddress = "127.0.0.1:25"\nproxy_protocol = true\n',
    '[[listener]]\naddress = "127.0.0.1:25"\ntrusted = ["127.0.0.1"]\n'])
def test_what_is_not_built_yet_is_refused_as_such(folder, text):
    done = check(folder, text)
    assert done.returncode == 2 and "not supported yet" in done.stderr


def test_check_finds_files_that_are_named_and_missing(folder):
    done = check(folder, '[tls]\ncertificate = "cert.pem"\nkey = "/nowhere/key.pem"\n')
    assert done.returncode == 2
    assert f":2:15: tls.certificate: " in done.stderr and f"{folder}/cert.pem" in done.stderr
    assert f":3:7: tls.key: " in done.stderr and "/nowhere/key.pem" in done.stderr


def test_check_accepts_a_good_file_makes_nothing_and_names_what_leaves(folder):
    done = check(folder, toml_document({
        "data_dir": str(folder / "data"),
        "listener": [{"address": "127.0.0.1:25", "role": "mx"}],
        "relay": {"networks": ["192.0.2.0/24"], "domains": ["backup.test"]}}))
    assert done.returncode == 0, done.stderr
    assert "192.0.2.0/24" in done.stdout + done.stderr
    assert "backup.test" in done.stdout + done.stderr
    assert [path.name for path in folder.iterdir()] == ["posthaste.toml"]


def test_check_gives_one_json_document(folder):
    for text in ("", MISTAKES):
        document = json.loads(check(folder, text, "--json").stdout)
        assert isinstance(document, (dict, list))


def test_check_of_a_missing_file(folder):
    done = run("check", "--config", folder / "none.toml")
    assert done.returncode == 2 and "none.toml" in done.stderr


# Usage


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["serve", "--nonsense"], ["send"], ["queue"], ["queue", "show"],
    ["queue", "retry"], ["check", "one", "two"], ["send", "--server", "x", "--from", "a@b"],
    ["send", "--server", "x:1", "--from", "a@b", "--to", "c@d", "--tls", "maybe"],
    ["route", "c@d", "--client", "192.0.2.1", "--user", "a@b"]])
def test_wrong_usage_is_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("command", [
    [], ["serve"], ["check"], ["send"], ["queue"], ["queue", "list"], ["queue", "show"],
    ["queue", "body"], ["queue", "retry"], ["queue", "hold"], ["queue", "release"],
    ["queue", "bounce"], ["queue", "drop"], ["queue", "reroute"], ["check-address"], ["demo"],
    ["route"], ["trace"], ["user", "hash"], ["user", "add"], ["user", "remove"], ["user", "list"],
    ["user", "passwd"]],
    ids=" ".join)
def test_every_command_has_help(command):
    done = run(*command, "--help")
    assert done.returncode == 0 and done.stdout and not done.stderr


def test_config_stands_anywhere_on_the_line(make_server):
    server = make_server().start()
    for arguments in (["--config", server.config_file, "queue", "list", "--json"],
                      ["queue", "--config", server.config_file, "list", "--json"],
                      ["queue", "list", "--config", server.config_file, "--json"]):
        done = run(*arguments)
        assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


# serve


def test_serve_with_a_bad_or_missing_configuration_binds_nothing(folder, make_server):
    server = make_server()
    server.config_file.write_text(server.config_file.read_text() + "[nonsense]\n")
    server.spawn()
    assert server.process.wait(20) == 2
    assert "nonsense" in server.stderr() and not server.is_ready()
    assert not server.data_dir.exists()
    done = run("serve", "--config", folder / "none.toml")
    assert done.returncode == 2 and "none.toml" in done.stderr


def test_serve_with_a_missing_or_broken_certificate_is_refused(make_server, certificate, folder):
    broken = folder / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    for file in (broken, folder / "missing.pem"):
        server = make_server(tls={"certificate": file, "key": certificate[1]})
        server.spawn()
        assert server.process.wait(20) == 2
        assert ": tls.certificate: " in server.stderr() and not server.is_ready()


def test_a_second_server_on_one_data_directory_says_so_and_ends(make_server):
    first = make_server().start()
    second = make_server(data_dir=first.data_dir)
    second.spawn()
    assert second.process.wait(20) == 1
    assert str(first.data_dir) in second.stderr() and not second.is_ready()
    with Client(first.port) as client:
        assert client.ehlo().code == 250
    assert first.stop() == 0
    second.start()


def test_a_port_that_is_taken_is_named(make_server):
    first = make_server().start()
    second = make_server(listener=[{"address": f"127.0.0.1:{first.port}", "role": "mx"}])
    second.spawn()
    assert second.process.wait(20) == 1
    assert f"127.0.0.1:{first.port}" in second.stderr()


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_tells_idle_clients_and_finishes_transactions(make_server, which):
    server = make_server().domain("dest.test", ("bob",)).start()
    idle, busy = Client(server.port), Client(server.port)
    idle.ehlo()
    busy.ehlo()
    busy.envelope("a@b.test", "bob@dest.test")
    assert busy.command("DATA").code == 354
    busy.send("Subject: in flight\r\n\r\n")
    server.process.send_signal(which)
    reply = idle.reply()
    assert reply.code == 421 and idle.is_closed()
    busy.send("x\r\n.\r\n")
    assert busy.reply().code == 250
    assert server.process.wait(40) == 0
    with pytest.raises(OSError):
        Client(server.port)
    # Delivered before the end, or after the next start.
    server.start()
    assert b"in flight" in server.maildir("bob@dest.test").wait()[0]


def test_a_session_that_never_ends_does_not_hold_up_a_stop_for_more_than_30_s(make_server):
    server = make_server().domain("dest.test", ("bob",)).start()
    client = Client(server.port)
    client.ehlo()
    client.envelope("a@b.test", "bob@dest.test")
    assert client.command("DATA").code == 354
    assert server.stop(seconds=35) == 0


def test_serve_tells_systemd(make_server, folder):
    path = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        server = make_server()
        server.start(env={**os.environ, "NOTIFY_SOCKET": path})
        assert b"READY=1" in notify.recv(4096)
        server.stop()


def test_the_text_log_and_ready_on_a_line_of_its_own(make_server):
    server = make_server(log={"format": "text", "file": ""}).domain("dest.test", ("bob",)).start()
    with Client(server.port) as client:
        client.ehlo()
        client.mail(messages.simple(), "a@b.test", "bob@dest.test")
        client.command("NO\x1bise")
    wait_until(lambda: "delivered" in server.stderr(), server.stderr)
    assert "received" in server.stderr() and "\x1b" not in server.stderr()
    assert server.stderr().splitlines().count("ready") == 1


def test_the_sandbox_captures_everything(folder):
    """Without any configuration, at its fixed ports."""
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    stderr = folder / "stderr"
    with open(stderr, "wb") as out:
        process = subprocess.Popen([binary.posthaste(), "serve"], stderr=out, stdout=out, env=env,
                                   cwd=folder)
    try:
        wait_until(lambda: "ready" in stderr.read_text().splitlines(), stderr.read_text)
        for port in (2525, 2587):
            with Client(port) as client:
                client.ehlo()
                for recipient in ("any.one@anywhere.test", "root@localhost"):
                    assert client.mail(messages.simple(), "a@b.test", recipient).code == 250
        data = folder / "state" / "posthaste"
        wait_until(lambda: len(list(data.glob("mail/*/*/new/*"))) == 4, "not captured")

        def is_empty():
            listed = run("queue", "list", "--json", env=env, cwd=folder)
            return listed.returncode == 0 and json.loads(listed.stdout) == []

        wait_until(is_empty, "the queue is not empty")
    finally:
        process.terminate()
        assert process.wait(40) == 0


# send


def send(*arguments, stdin=None, server=None):
    if stdin is None:
        stdin = messages.simple("sent")
    return run("send", "--server", server, *arguments, stdin=stdin)


ENVELOPE = ["--from", "ann@client.test", "--to", "bob@dest.test"]


@pytest.mark.parametrize("content", [
    b"Subject: x\r\n\r\nCRLF\r\n", b"Subject: x\n\nLF\n.\n..\n.x\n", b"Subject: x\n\nno end",
    b"Subject: x\n\n", "Subject: x\n\n\u00fc\n".encode(), b"Subject: x\n\n" + b"y" * 998 + b"\n"],
    ids=["CRLF", "LF and dots", "no last line end", "no body", "8-bit", "long line"])
def test_send_submits_the_message_with_crlf(sink, content, folder):
    file = folder / "message"
    file.write_bytes(content)
    for arguments, stdin in (([file], b""), ([], content)):
        done = send(*ENVELOPE, "--to", "carl@dest.test", *arguments, stdin=stdin,
                    server=sink.address)
        assert done.returncode == 0, done.stderr
    want = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    want += b"" if want.endswith(b"\r\n") else b"\r\n"
    for message in sink.wait(2):
        assert message.content == want
        assert message.reverse_path == "ann@client.test"
        assert message.forward_paths == ["bob@dest.test", "carl@dest.test"]


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_send_shows_the_reply_that_refused_it(sink, verb):
    refused = lambda _, which, argument: "554 5.7.1 not you" if which == verb or (
        verb == "EHLO" and which == "HELO") else None
    sink.script = refused
    done = send(*ENVELOPE, server=sink.address)
    assert done.returncode == 1 and "554 5.7.1 not you" in done.stdout + done.stderr
    assert not sink.messages


def test_one_refused_recipient_and_nothing_is_submitted(sink):
    sink.script = lambda _, verb, argument: "550 5.1.1 who?" if verb == "RCPT" and "bob" in argument \
        else None
    done = send(*ENVELOPE, "--to", "carl@dest.test", server=sink.address)
    assert done.returncode == 1 and "550 5.1.1 who?" in done.stdout + done.stderr
    assert not sink.messages
    assert not any(line.startswith("DATA") for line in sink.sessions[0].commands)


@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "CONTENT"])
def test_send_fails_when_the_connection_is_lost(sink, verb):
    sink.script = lambda _, which, __: CLOSE if which == verb else None
    done = send(*ENVELOPE, server=sink.address)
    assert done.returncode == 1 and done.stderr


def test_send_fails_when_nobody_listens():
    done = send(*ENVELOPE, server=f"127.0.0.1:{ports.free_port()}")
    assert done.returncode == 1 and done.stderr


@pytest.fixture
def password_file(folder):
    file = folder / "password"
    file.write_text("open sesame\n")
    return file


@pytest.fixture
def submission(make_server, certificate, password_hash):
    server = make_server(roles=("submission", "submissions", "mx"),
                         tls={"certificate": certificate[0], "key": certificate[1]})
    return server.domain("client.test", [
        {"address": "ann@client.test", "password": password_hash}]).start()


OWN = ["--from", "ann@client.test", "--to", "ann@client.test"]


@pytest.mark.parametrize("mode, role", [("starttls", "submission"), ("implicit", "submissions"),
                                        ("auto", "submission")])
def test_send_with_auth_over_tls(submission, authority, password_file, mode, role):
    done = send(*OWN, "--auth", "ann@client.test", "--password-file", password_file, "--tls", mode,
                "--ca", authority.certificate, "--helo", "desk.client.test", "--verbose",
                server=f"localhost:{submission.ports[role]}")
    assert done.returncode == 0, done.stderr
    stored = submission.maildir("ann@client.test").wait()[0]
    assert b"Received: from desk.client.test" in stored and b"ESMTPSA" in stored
    dialogue = done.stdout + done.stderr
    assert "EHLO desk.client.test" in dialogue and "RCPT TO:<ann@client.test>" in dialogue
    for secret in ("open sesame", "b3BlbiBzZXNhbWU", "AGFubkBjbGllbnQudGVzdABvcGVuIHNlc2FtZQ"):
        assert secret not in dialogue


def test_send_with_a_wrong_password(submission, authority, folder):
    wrong = folder / "wrong"
    wrong.write_text("nonsense\n")
    done = send(*OWN, "--auth", "ann@client.test", "--password-file", wrong,
                "--ca", authority.certificate, server=f"localhost:{submission.port}")
    assert done.returncode == 1 and "535 5.7.8" in done.stdout + done.stderr


@pytest.mark.parametrize("more", [["--tls", "starttls"], ["--tls", "starttls", "--ca", "OTHER"],
                                  ["--ca", "OTHER"], ["--auth", "x", "--password-file", "FILE"]],
                         ids=["starttls", "another authority", "auto with --ca", "--auth"])
def test_send_submits_nothing_when_the_certificate_is_not_valid(
        submission, folder, more, password_file):
    other = tls.Authority(folder / "other").certificate
    arguments = [{"OTHER": other, "FILE": password_file}.get(word, word) for word in more]
    done = send(*OWN, *arguments, server=f"localhost:{submission.ports['mx']}")
    assert done.returncode == 1 and "certificate" in done.stderr
    assert not submission.events.of("received")


def test_send_checks_the_name_in_the_certificate(make_sink, authority):
    certificate = authority.issue("elsewhere.test", alternatives=())
    sink = make_sink(tls=tls.server_context(*certificate))
    arguments = [*ENVELOPE, "--tls", "starttls"]
    done = send(*arguments, "--ca", authority.certificate, server=f"localhost:{sink.port}")
    assert done.returncode == 1 and not sink.messages
    done = send(*arguments, "--insecure", server=f"localhost:{sink.port}")
    assert done.returncode == 0 and sink.messages[0].session.tls


def test_send_refuses_an_expired_certificate(make_sink, authority):
    certificate = authority.issue("expired.test", days=-1)
    sink = make_sink(tls=tls.server_context(*certificate))
    done = send(*ENVELOPE, "--ca", authority.certificate, server=f"localhost:{sink.port}")
    assert done.returncode == 1 and not sink.messages


def test_send_takes_tls_where_it_is_offered_and_does_without_elsewhere(make_sink, certificate):
    secure, plain = make_sink(tls=tls.server_context(*certificate)), make_sink()
    for sink in (secure, plain):
        assert send(*ENVELOPE, server=sink.address).returncode == 0
    assert secure.messages[0].session.tls and not plain.messages[0].session.tls
    assert send(*ENVELOPE, "--tls", "off", server=secure.address).returncode == 0
    assert not secure.messages[1].session.tls


@pytest.mark.parametrize("mode", ["auto", "off", "starttls"])
def test_send_never_says_a_password_without_tls(sink, password_file, mode):
    sink.extensions += ("AUTH PLAIN LOGIN",)
    done = send(*ENVELOPE, "--auth", "ann", "--password-file", password_file, "--tls", mode,
                server=sink.address)
    assert done.returncode in (1, 2) and done.stderr and not sink.messages
    assert not any("AUTH" in line for session in sink.sessions for line in session.commands)


def test_send_needs_starttls_when_told_so(sink):
    done = send(*ENVELOPE, "--tls", "starttls", server=sink.address)
    assert done.returncode == 1 and not sink.messages


# check-address, user hash


def test_check_address_answers_line_by_line():
    requests = [{"address": "<@a,@b:user@z>", "smtputf8": False}, {"address": "<a..b@c.test>"},
                {"address": "<\u00fc@b.test>", "smtputf8": True}, {"address": "<\u00fc@b.test>"},
                {"address": '<"a b"@[192.0.2.1]>'}, {"address": "<>"}, {"address": "a@b.test"}]
    done = run("check-address", stdin="".join(
        json.dumps(request) + "\n" for request in requests).encode())
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(answers) == len(requests)
    assert answers[0] == {"valid": True, "route": ["a", "b"], "local": "user", "domain": "z",
                          "error": None}
    assert [answer["valid"] for answer in answers[:5]] == [True, False, True, False, True]
    assert answers[1]["error"]


def test_user_hash_prints_a_verifier_and_no_two_are_alike():
    hashes = set()
    for _ in range(2):
        done = run("user", "hash", stdin=b"secret\n")
        assert done.returncode == 0 and "secret" not in done.stdout + done.stderr
        hashes.add(re.search(r"\$argon2id\$v=19\$\S+?(?=\")", done.stdout)[0])
    assert len(hashes) == 2
    assert run("user", "hash", stdin=b"").returncode != 0
