"""Two processes: a broker that keeps root's privileges, and a worker that has none; and what they do
under other users. Needs root."""

import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import threading

import pytest

from support import messages
from support.server import run
from support.maildir import Maildir
from support.smtp import Client, submit
from support.wait import is_running, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class User:
    def __init__(self, name, home):
        self.name, self.home = name, pathlib.Path(home)
        self.home.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["useradd", "-m", "-k", "/var/empty-skeleton", "-d", str(home), "-K",
                        "HOME_MODE=0700", "-s", "/usr/sbin/nologin", name], check=True,
                       capture_output=True)
        line = [line for line in pathlib.Path("/etc/passwd").read_text().splitlines()
                if line.startswith(name + ":")][0].split(":")
        self.uid, self.gid = int(line[2]), int(line[3])

    def remove(self):
        subprocess.run(["userdel", "-f", self.name], capture_output=True)


@pytest.fixture(scope="module")
def homes():
    """Users of this run alone: [0] for the worker, [1] and [2] with mail."""
    folder = pathlib.Path(f"/tmp/posthaste-homes-{os.getpid()}")
    folder.mkdir(mode=0o755)
    users = []
    try:
        for letter in "wab":
            name = f"ph{letter}{os.getpid() % 100000}"
            users.append(User(name, folder / name))
        yield users
    finally:
        for user in users:
            user.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def users(homes):
    for user in homes:
        for path in user.home.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return homes


def separate(make_server, users, *, deliver="maildir:~/Maildir", **settings):
    """A server of two processes, for mail of system users in home.test."""
    domains = [{"name": "home.test", "users": "system", "deliver": deliver}]
    settings.setdefault("queue", {"retry": ["1h"]})
    return make_server(privileges={"user": users[0].name}, relay={"networks": ["127.0.0.0/8"]},
                       domain=domains + settings.pop("domain", []),
                       alias=[{"address": "postmaster@home.test",
                               "to": [f"{users[1].name}@home.test"]}], **settings)


def children_of(pid):
    return [int(child) for child in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def worker_of(server):
    workers = children_of(server.process.pid)
    return workers[0] if workers else None


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: line.split(":")[1].split() for line in lines}


def new_mail(user, count=1):
    return Maildir(user.home / "Maildir").wait(count)


def is_gone(pid):
    return not is_running(pid) or "Z" in status_of(pid)["State"][0]


# The two processes.


@pytest.mark.contract("1.serve.ready", "1.serve.sigterm")
def test_the_worker_has_no_privileges_and_the_broker_binds_for_it(make_server, users):
    server = separate(make_server, users)
    server.set(listener=[{"address": "127.0.0.77:25", "role": "mx"}])
    server.start()
    worker = worker_of(server)
    status = status_of(worker)
    assert status["Uid"] == [str(users[0].uid)] * 4 and status["Gid"] == [str(users[0].gid)] * 4
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[capabilities][0], 16) == 0, capabilities
    assert status["NoNewPrivs"] == ["1"] and status["Groups"] == [str(users[0].gid)]
    assert status_of(server.process.pid)["Uid"][0] == "0"
    with Client(25, host="127.0.0.77") as client:
        assert client.greeting.code == 220
    assert os.stat(server.data_dir).st_uid == users[0].uid
    assert server.stderr().splitlines().count("ready") == 1
    assert server.stop() == 0 and is_gone(worker)


def test_keys_that_root_alone_may_read_are_read_for_the_worker(make_server, users, certificate):
    server = separate(make_server, users)
    for source, name in zip(certificate, ("cert.pem", "key.pem")):
        shutil.copy(source, server.folder / name)
        (server.folder / name).chmod(0o600)
    server.set(tls={"certificate": "cert.pem", "key": "key.pem"})
    server.start()
    with Client(server.port) as client:
        client.ehlo()
        assert client.command("STARTTLS").code == 220
    # They are read again.
    (server.folder / "key.pem").write_text("no key")
    server.reload()
    wait_until(lambda: server.events.of("reload_failed"), server.stderr)
    shutil.copy(certificate[1], server.folder / "key.pem")
    (server.folder / "key.pem").chmod(0o600)
    server.reload()
    wait_until(lambda: server.events.of("reloaded"), server.stderr)


def test_a_key_whose_name_others_can_change_is_not_opened_by_root(make_server, users, certificate):
    """Else whoever took the worker over could read any file of root's."""
    server = separate(make_server, users)
    folder = server.folder / "worker"
    folder.mkdir()
    secret = server.folder / "secret.pem"
    shutil.copy(certificate[1], secret)
    secret.chmod(0o600)
    (folder / "key.pem").symlink_to(secret)
    os.chown(folder, users[0].uid, users[0].gid)
    server.set(tls={"certificate": certificate[0], "key": folder / "key.pem"})
    server.spawn()
    assert server.process.wait(20) in (1, 2)
    assert "key.pem" in server.stderr() and not server.is_ready()


@pytest.mark.contract("1.serve.sighup")
def test_sighup_binds_what_is_new_and_a_bad_file_changes_nothing(make_server, users):
    server = separate(make_server, users).start()
    first = list(server.settings["listener"])
    server.set(listener=first + [{"address": "127.0.0.78:25", "role": "mx"}])
    server.reload()
    server.events.wait("reloaded")
    Client(25, host="127.0.0.78").close()
    good = server.config_file.read_text()
    server.config_file.write_text(good + "\nnonsense = 1\n")
    server.reload()
    server.events.wait("reload_failed")
    assert "nonsense" in server.stderr()
    Client(25, host="127.0.0.78").close()
    server.set(listener=first)
    server.reload()
    server.events.wait("reloaded", 2)
    wait_until(lambda: not accepts("127.0.0.78"), "the listener is still there")
    server.set(privileges={"user": users[1].name})
    server.reload()
    server.events.wait("reload_failed", 2)
    assert "only a restart" in server.stderr()
    # The log is opened anew, by whoever may.
    old = server.events.file.rename(server.folder / "old.log")
    server.config_file.write_text(good)
    server.reload()
    wait_until(lambda: server.events.file.exists(), server.stderr)
    assert old.exists() and server.events.file.stat().st_uid == users[0].uid
    assert server.stop() == 0


def accepts(host):
    try:
        Client(25, host=host, seconds=5).close()
    except OSError:
        return False
    return True


def test_a_worker_that_dies_is_started_again_and_nothing_is_lost(make_server, users):
    server = separate(make_server, users).start()
    acknowledged = []

    def send():
        for number in range(120):
            subject = f"number {number:03}"
            try:
                submit(server, f"{users[1].name}@home.test", content=messages.simple(subject))
                acknowledged.append(subject.encode())
            except Exception:
                pass  # Not acknowledged.

    sender = threading.Thread(target=send)
    sender.start()
    for wanted in (15, 40):
        wait_until(lambda: len(acknowledged) >= wanted, server.stderr)
        worker = worker_of(server)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: worker_of(server) not in (None, worker), server.stderr)
    sender.join()
    wait_until(lambda: server.retry().returncode == 0 and not server.queue(),
               lambda: server.stderr(), 40, poll=0.3)
    found = b"".join(new_mail(users[1], len(acknowledged)))
    missing = [subject for subject in acknowledged if subject not in found]
    assert len(acknowledged) > 80 and not missing
    assert server.stderr().splitlines().count("ready") == 1
    assert server.stderr().count("the worker is ready again") == 2
    assert server.stop() == 0


def test_the_worker_goes_with_the_broker_and_serve_works_at_once(make_server, users):
    server = separate(make_server, users).start()
    worker = worker_of(server)
    submit(server, f"{users[1].name}@home.test")
    server.kill()
    wait_until(lambda: is_gone(worker), "the worker lives on")
    server.start()
    assert server.retry().returncode == 0  # Of a delivery that went with the broker.
    new_mail(users[1])
    server.kill()
    server.start()
    assert server.stop() == 0


@pytest.mark.contract("1.serve.bad-config")
def test_mistakes_end_with_the_status_of_one_process(make_server, users):
    server = separate(make_server, users)
    server.set(alias=[{"address": "a@home.test", "to": ["b@home.test"]},
                      {"address": "b@home.test", "to": ["a@home.test"]}])
    server.spawn()
    assert server.process.wait(20) == 2, server.stderr()
    assert "loop" in server.stderr()
    server.set(alias=None, data_dir=users[1].home)
    server.spawn()
    assert server.process.wait(20) == 1, server.stderr()
    assert "belongs to another user" in server.stderr()


def test_who_is_not_root_cannot_start_what_needs_it(make_server, users):
    server = separate(make_server, users)
    server.spawn(before=lambda: (os.setgid(users[0].gid), os.setuid(users[0].uid)))
    assert server.process.wait(20) == 1 and "only root can start" in server.stderr()
    # Without deliveries to others it is one process, as ever.
    server.set(domain=None, alias=None, log={"file": ""})
    server.data_dir.mkdir()
    os.chown(server.data_dir, users[0].uid, users[0].gid)
    server.start(before=lambda: (os.setgid(users[0].gid), os.setuid(users[0].uid)))
    assert not children_of(server.process.pid) and server.stop() == 0


@pytest.mark.parametrize("settings, words", [
    ({"privileges": {"user": "root"}}, "nothing is done as root"),
    ({"privileges": {"user": "no-such-user-ph"}}, "there is no"),
    ({"privileges": None}, "expected [privileges] user"),
    ({"domain": [{"name": "home.test", "users": "system", "deliver": "maildir:/x"}]},
     "expected a mailbox in the home"),
    ({"domain": [{"name": "home.test", "users": "system", "deliver": "maildir:~/../x"}]},
     "expected a path in the home"),
    ({"domain": [{"name": "home.test", "deliver": "maildir:~/Maildir"}]},
     "expected users = \"system\""),
    ({"domain": [{"name": "home.test", "deliver": "pipe:/bin/cat", "run_as": "root"}]},
     "nothing is done as root"),
    ({"domain": [{"name": "home.test", "deliver": "maildir:/x", "run_as": "nobody"}]},
     "expected pipe:"),
    ({"route": [{"recipient": "x.test", "via": "maildir:~/Maildir"}]}, "expected a path from /"),
])
def test_what_check_refuses(make_server, users, settings, words):
    server = separate(make_server, users)
    server.set(alias=None, **settings)
    checked = server.run("check")
    assert checked.returncode == 2 and words in checked.stderr, checked.stderr


# Deliveries into homes.


def test_system_users_get_mail_in_their_homes(make_server, users):
    server = separate(make_server, users).start()
    a, b = users[1], users[2]
    assert server.run("check").returncode == 0
    submit(server, f"{a.name}+lists@home.test", f"{b.name.upper()}@home.test",
           content=messages.simple("to a home", "line\r\n.dot\r\n"))
    for user in (a, b):
        text = new_mail(user)[0]
        assert text.startswith(b"Return-Path: <") and b"\r" not in text
        assert f"Delivered-To: {user.name}@home.test\n".encode() in text
        for path in [user.home / "Maildir", *(user.home / "Maildir").rglob("*")]:
            status = path.stat()
            assert (status.st_uid, status.st_gid) == (user.uid, user.gid), path
            assert stat.S_IMODE(status.st_mode) == (0o700 if path.is_dir() else 0o600), path
    event = server.events.wait("delivered", 2)[0]
    assert event["host"] is None and event["via"].startswith("home:")
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("x@far.test")
        for name in ("nobody", "root", "daemon", "no-such-user"):
            assert client.command(f"RCPT TO:<{name}@home.test>").is_("550 5.1.1"), name
        assert client.command("RCPT TO:<postmaster@home.test>").code == 250
    server.wait_queue_empty()


def test_users_below_the_floor_only_by_name(make_server, users):
    server = separate(make_server, users)
    server.set(privileges={"user": users[0].name, "first_uid": users[2].uid,
                           "users": ["daemon"]}, alias=None)
    server.start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("x@far.test")
        assert client.command("RCPT TO:<daemon@home.test>").code == 250
        assert client.command(f"RCPT TO:<{users[2].name}@home.test>").code == 250
        assert client.command(f"RCPT TO:<{users[1].name}@home.test>").is_("550 5.1.1")


def test_mbox_in_a_home(make_server, users):
    server = separate(make_server, users, deliver="mbox:~/mail/inbox").start()
    for number in range(3):
        submit(server, f"{users[1].name}@home.test", content=messages.simple(f"number {number}"))
    server.events.wait("delivered", 3)
    file = users[1].home / "mail" / "inbox"
    text = file.read_bytes()
    assert len(re.findall(rb"^From .*\n", text, re.M)) == 3 and file.stat().st_uid == users[1].uid
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_links_and_pipes_in_a_home_lead_nowhere_else(make_server, users):
    a, b = users[1], users[2]
    server = separate(make_server, users, domain=[
        {"name": "box.test", "users": "system", "deliver": "mbox:~/box"}])
    server.start()
    root_file = server.folder / "of-root"
    root_file.write_text("kept")
    root_file.chmod(0o600)
    (a.home / "Maildir").symlink_to(b.home)  # Mode 0700.
    os.mkfifo(a.home / "box")
    os.chown(a.home / "box", a.uid, a.gid)
    (b.home / "box").symlink_to(root_file)
    submit(server, f"{a.name}@home.test", f"{a.name}@box.test", f"{b.name}@box.test")
    deferred = server.events.wait("deferred", 3)
    assert {event["to"] for event in deferred} == {
        f"{a.name}@home.test", f"{a.name}@box.test", f"{b.name}@box.test"}
    assert root_file.read_text() == "kept" and not list(b.home.glob("*/*"))
    for path in (a.home / "Maildir", a.home / "box", b.home / "box"):
        path.unlink()
    server.retry()
    server.wait_queue_empty()


@pytest.mark.parametrize("deliver", ["maildir:~/small/Maildir", "mbox:~/small/box"])
def test_a_full_mailbox_is_told_and_tried_again(make_server, users, deliver):
    small = users[1].home / "small"
    small.mkdir()
    options = f"size=128k,mode=700,uid={users[1].uid},gid={users[1].gid}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(small)],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        server = separate(make_server, users, deliver=deliver).start()
        body = "x" * 70 + "\r\n"
        submit(server, f"{users[1].name}@home.test", f"{users[2].name}@home.test",
               content=messages.simple("large", body * 4000))
        deferred = server.events.wait("deferred")[0]
        assert deferred["reply"].startswith("452 4.2.2 the mailbox is full"), deferred
        server.events.wait("delivered")  # The other one.
        waiting = server.queue()[0]["recipients"]
        assert [one["last_reply"][:9] for one in waiting if one["state"] == "deferred"] == [
            "452 4.2.2"]
        assert sum(path.stat().st_size for path in small.rglob("*") if path.is_file()) == 0
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        server.retry()
        server.wait_queue_empty()
        assert any(path.stat().st_size > 280_000 for path in small.rglob("*"))
    finally:
        subprocess.run(["umount", "-l", str(small)], capture_output=True)


def test_a_home_that_is_missing_waits_and_a_user_who_is_gone_does_not(make_server, users):
    name = f"phg{os.getpid() % 100000}"
    guest = User(name, users[1].home.parent / name)
    try:
        server = separate(make_server, users).start()
        away = guest.home.rename(guest.home.with_suffix(".away"))
        submit(server, f"{name}@home.test", reverse_path=f"{users[1].name}@home.test")
        assert "home" in server.events.wait("deferred")[0]["reply"]
        away.rename(guest.home)
        server.retry()
        server.events.wait("delivered")
        away = guest.home.rename(guest.home.with_suffix(".away"))
        submit(server, f"{name}@home.test", reverse_path=f"{users[1].name}@home.test")
        server.events.wait("deferred", 2)
        guest.remove()
        server.retry()
        assert server.events.wait("bounced")[0]["reply"].startswith("550 5.1.1")
        shutil.rmtree(away)
    finally:
        guest.remove()


# Programs.


def test_a_program_runs_as_the_user_that_is_configured(make_server, users, folder):
    script = folder / "program"
    out = users[2].home / "out"
    script.write_text(f'#!/bin/sh\n{{ id -un; id -G; pwd; umask; echo "$1"; echo "$HOME $USER"; '
                      f'grep -E "^(Cap|NoNew)" /proc/self/status; ls /proc/self/fd; }} > {out}.part\n'
                      f'cat >> {out}.part; mv {out}.part {out}\n')
    script.chmod(0o755)
    server = separate(make_server, users, domain=[
        {"name": "pipe.test", "recipients": "any", "deliver": f"pipe:{script} --to={{local}}",
         "run_as": users[2].name}])
    server.start()
    submit(server, "Bob@pipe.test", content=messages.simple("for a program"))
    server.events.wait("delivered")
    lines = out.read_text().splitlines()
    assert lines[:6] == [users[2].name, str(users[2].gid), "/", "0077", "--to=bob",
                         f"{users[2].home} {users[2].name}"]
    assert "NoNewPrivs:\t1" in lines and "CapEff:\t" + "0" * 16 in lines
    assert "Subject: for a program" in lines


def test_a_program_under_another_user_that_hangs_ends_with_the_worker(make_server, users, folder):
    pid_file = users[2].home / "pid"
    script = folder / "program"
    script.write_text(f"#!/bin/sh\necho $$ > {pid_file}.part; mv {pid_file}.part {pid_file}\n"
                      "exec sleep 1000\n")
    script.chmod(0o755)
    server = separate(make_server, users, domain=[
        {"name": "pipe.test", "recipients": "any", "deliver": f"pipe:{script}",
         "run_as": users[2].name}])
    server.start()
    submit(server, "bob@pipe.test")
    wait_until(pid_file.exists, server.stderr)
    program = int(pid_file.read_text())
    assert status_of(program)["Uid"][0] == str(users[2].uid)
    pid_file.unlink()
    os.kill(worker_of(server), signal.SIGKILL)
    wait_until(lambda: is_gone(program), "the program lives on")
    server.retry()
    wait_until(pid_file.exists, server.stderr)
    program = int(pid_file.read_text())
    server.kill()
    wait_until(lambda: is_gone(program), "the program lives on")


def test_the_internal_commands_do_nothing_for_others(users):
    assert run("worker").returncode == 2
    refused = run("into-home", "maildir:~/Maildir", "a", "From x y\n", "first")
    assert refused.returncode == 75 and "no delivery" in refused.stderr
