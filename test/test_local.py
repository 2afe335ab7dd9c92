"""The last leg beside Maildirs: pipes, mbox files, and what is thrown away."""

import fcntl
import mailbox
import os
import re
import signal
import stat
import threading

import pytest

from support import messages
from support.reports import Report
from support.smtp import Client, submit
from support.wait import is_running, wait_until

CONTENT = messages.simple("to a program", "From the body\r\n.dot\r\n>From quoted\r\n\u00fc\r\n")


def delivering(make_server, deliver, **settings):
    settings.setdefault("queue", {"retry": ["1h"]})
    made = make_server(relay={"networks": ["127.0.0.1"]}, **settings)
    made.domain("home.test", ("ann",))
    made.set(domain=made.settings["domain"] + [
        {"name": "dest.test", "deliver": deliver, "recipients": "any"}])
    return made


@pytest.fixture
def program(folder):
    """program(text) is a script of this text; its output files go into `folder`."""
    count = [0]

    def make(text):
        count[0] += 1
        path = folder / f"program{count[0]}"
        path.write_text("#!/bin/sh\n" + text + "\n")
        path.chmod(0o755)
        return path

    return make


# pipe:


@pytest.mark.contract("7.pipe")
def test_a_program_gets_the_message_and_its_arguments(make_server, program, folder):
    script = program(f'for a in "$@"; do printf "%s\\n" "$a"; done > {folder}/arguments\n'
                     f'cat > {folder}/got.part && mv {folder}/got.part {folder}/got')
    server = delivering(make_server, f"pipe:{script} {{local}} x{{domain}}y {{sender}} {{recipient}}"
                        " plain").start()
    submit(server, "Bob+x@dest.test", content=CONTENT, mail="BODY=8BITMIME")
    wait_until(lambda: (folder / "got").exists(), "the program has not run")
    assert (folder / "arguments").read_text().splitlines() == [
        "bob", "xdest.testy", "ann@home.test", "bob@dest.test", "plain"] or \
        (folder / "arguments").read_text().splitlines()[1:] == [
        "xdest.testy", "ann@home.test", "Bob+x@dest.test", "plain"]
    got = (folder / "got").read_bytes()
    assert got.startswith(b"Return-Path: <ann@home.test>\nDelivered-To: ")
    assert got.endswith(CONTENT.replace(b"\r\n", b"\n")) and b"\r" not in got
    event = server.events.wait("delivered")[0]
    assert event["via"].startswith("pipe:") and event["host"] is None


@pytest.mark.contract("7.pipe")
def test_there_is_no_shell_and_each_part_stays_inside_its_argument(make_server, program, folder):
    script = program(f'printf "%s\\n" "$#" "$@" > {folder}/part; mv {folder}/part {folder}/got')
    server = delivering(make_server, f"pipe:{script} {{local}} {{sender}} $HOME *").start()
    evil = f"\"a b;touch {folder}/evil $(touch {folder}/evil)`touch {folder}/evil`|x\""
    submit(server, f"{evil}@dest.test", reverse_path='"-x y"@home.test')
    wait_until(lambda: (folder / "got").exists(), "the program has not run")
    lines = (folder / "got").read_text().splitlines()
    assert lines[0] == "4" and lines[-2:] == ["$HOME", "*"]
    assert "a b;touch" in lines[1] and '"-x y"@home.test' in lines[2]
    assert not (folder / "evil").exists()


@pytest.mark.contract("7.pipe")
def test_the_environment_of_a_program_is_clean(make_server, program, folder):
    script = program(f"cat > /dev/null; env > {folder}/part; pwd >> {folder}/part; "
                     f"ls -l /proc/self/fd >> {folder}/fds; mv {folder}/part {folder}/got")
    server = delivering(make_server, f"pipe:{script}")
    server.start(env={**os.environ, "SECRET_OF_THE_OPERATOR": "x", "LD_LIBRARY_PATH": "/nowhere"})
    submit(server, "bob@dest.test")
    wait_until(lambda: (folder / "got").exists(), "the program has not run")
    text = (folder / "got").read_text()
    assert "SECRET_OF_THE_OPERATOR" not in text and "LD_LIBRARY_PATH" not in text
    assert re.search(r"^PATH=", text, re.M)
    fds = (folder / "fds").read_text()
    assert "socket:" not in fds and "spool" not in fds


FINAL = [code for code in range(64, 79) if code not in (71, 73, 74, 75)]


@pytest.mark.contract("7.pipe-status")
@pytest.mark.parametrize("code", FINAL)
def test_a_final_status_is_reported_with_the_programs_words(make_server, program, code):
    script = program(f"cat > /dev/null; echo 'no such luck: {code}'; exit {code}")
    server = delivering(make_server, f"pipe:{script}").start()
    submit(server, "bob@dest.test")
    server.events.wait("bounced")
    report = Report(server.maildir("ann@home.test").wait()[0])
    assert report.fields("Action") == [("failed",)]
    assert f"no such luck: {code}" in report.human


@pytest.mark.contract("7.pipe-status")
@pytest.mark.parametrize("text", [
    "exit 1", "exit 2", "exit 63", "exit 71", "exit 73", "exit 74", "exit 75", "exit 79",
    "exit 127", "exit 255", "kill -9 $$", "kill -SEGV $$"])
def test_everything_else_is_tried_again(make_server, program, folder, text):
    script = program(f"cat > /dev/null; [ -e {folder}/good ] && exit 0; echo busy; {text}")
    server = delivering(make_server, f"pipe:{script}").start()
    submit(server, "bob@dest.test")
    server.events.wait("deferred")
    assert not server.events.of("bounced")
    assert server.queue()[0]["recipients"][0]["last_reply"]
    (folder / "good").touch()
    server.retry()
    server.events.wait("delivered")


@pytest.mark.contract("7.pipe-status")
def test_a_program_that_is_missing_is_tried_again(make_server, program, folder):
    server = delivering(make_server, f"pipe:{folder}/appears").start()
    submit(server, "bob@dest.test")
    server.events.wait("deferred")
    program("cat > /dev/null").rename(folder / "appears")
    server.retry()
    server.events.wait("delivered")


@pytest.mark.contract("7.pipe-status")
def test_output_of_a_program_is_bounded_and_escaped(make_server, program):
    script = program("cat > /dev/null; printf 'red \\033[31m\\000 nul\\a '; "
                     "head -c 3000000 /dev/zero | tr '\\0' x; exit 65")
    server = delivering(make_server, f"pipe:{script}").start()
    submit(server, "bob@dest.test")
    event = server.events.wait("bounced")[0]
    report = server.maildir("ann@home.test").wait()[0]
    assert len(report) < 100_000 and len(event["reply"]) < 10_000
    for octet in (b"\x1b", b"\0", b"\x07"):
        assert octet not in report and octet not in server.events.file.read_bytes()


@pytest.mark.contract("7.pipe")
def test_a_program_that_reads_nothing_may_succeed(make_server, program):
    server = delivering(make_server, f"pipe:{program('exit 0')}").start()
    submit(server, "bob@dest.test", content=messages.simple("big", "x" * 70 + "\r\n" * 500_000))
    server.events.wait("delivered")


@pytest.mark.contract("7.pipe")
def test_a_slow_program_holds_nobody_up_and_ends_with_its_children(make_server, program, folder):
    script = program(f"sleep 1000 & echo $! > {folder}/part; mv {folder}/part {folder}/child; wait")
    server = delivering(make_server, f"pipe:{script}").start()
    for _ in range(3):
        submit(server, "bob@dest.test")
    submit(server, "ann@home.test")
    server.maildir("ann@home.test").wait(seconds=5)
    wait_until(lambda: (folder / "child").exists(), "the program has not run")
    child = int((folder / "child").read_text())
    assert is_running(child)
    assert server.stop() == 0
    wait_until(lambda: not is_running(child), "the child of the program lives on")


# mbox:


@pytest.mark.contract("7.mbox")
def test_an_mbox_holds_each_message_with_its_from_line(make_server, folder):
    server = delivering(make_server, f"mbox:{folder}/boxes/{{domain}}/{{local}}").start()
    contents = [messages.simple(f"number {number}", body, f"<{number}@x.test>")
                for number, body in enumerate([
                    "From here\r\n>From there\r\n>>From x\r\nFrom \r\nFrom: no", "", "no From line\r\n\r\n\r\n",
                    "last line\r\n"])]
    for content in contents:
        submit(server, "bob@dest.test", content=content)
        server.wait_queue_empty()
    path = folder / "boxes" / "dest.test" / "bob"
    octets = path.read_bytes()
    assert octets.startswith(b"From ann@home.test ") and octets.endswith(b"\n\n")
    assert b"\r" not in octets
    assert b"\n>From here\n>>From there\n>>>From x\n>From \nFrom: no\n" in octets
    box = mailbox.mbox(path)
    assert [message["Message-ID"] for message in box] == [
        f"<{number}@x.test>" for number in range(len(contents))]
    assert all(message["Return-Path"] == "<ann@home.test>" and
               message["Delivered-To"] == "bob@dest.test" for message in box)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.contract("7.mbox")
def test_the_null_reverse_path_in_an_mbox(make_server, folder):
    server = delivering(make_server, f"mbox:{folder}/{{local}}.mbox").start()
    submit(server, "bob@dest.test", reverse_path="")
    server.events.wait("delivered")
    assert (folder / "bob.mbox").read_bytes().startswith(b"From MAILER-DAEMON ")


@pytest.mark.contract("7.mbox")
def test_many_deliveries_into_one_mbox_do_not_mix(make_server, folder):
    server = delivering(make_server, f"mbox:{folder}/box", queue={"retry": ["1s"]}).start()
    count, sessions = 100, 4

    def send(start):
        with Client(server.port) as client:
            client.ehlo()
            for number in range(start, count, sessions):
                _, content = messages.numbered("mbox", number, 20_000)
                assert client.mail(content, "a@home.test", f"u{number}@dest.test").code == 250

    threads = [threading.Thread(target=send, args=(start,)) for start in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.wait_queue_empty()
    found = {}
    for message in mailbox.mbox(folder / "box"):
        found[message["Message-ID"]] = message.get_payload()
    assert len(found) == count
    for number in range(count):
        message_id, content = messages.numbered("mbox", number, 20_000)
        body = messages.split(content)[1].replace(b"\r\n", b"\n").decode()
        assert found[message_id].rstrip("\n") == body.rstrip("\n")


@pytest.mark.contract("7.mbox")
def test_a_locked_mbox_is_waited_for(make_server, folder):
    server = delivering(make_server, f"mbox:{folder}/box", queue={"retry": ["1s"]}).start()
    submit(server, "bob@dest.test")
    server.events.wait("delivered")
    size = (folder / "box").stat().st_size
    with open(folder / "box", "r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        (folder / "box.lock").touch()
        submit(server, "ann@home.test", "carl@dest.test")
        server.maildir("ann@home.test").wait()
        assert (folder / "box").stat().st_size == size
        (folder / "box.lock").unlink(missing_ok=True)
    server.events.wait("delivered", 3)
    assert len(mailbox.mbox(folder / "box")) == 2


@pytest.mark.contract("7.mbox")
def test_an_mbox_that_cannot_be_written_defers(make_server, folder):
    (folder / "box").mkdir()
    server = delivering(make_server, f"mbox:{folder}/box").start()
    submit(server, "bob@dest.test")
    server.events.wait("deferred")
    (folder / "box").rmdir()
    server.retry()
    server.events.wait("delivered")


# discard:, and places by routes.


@pytest.mark.contract("2.deliver", "6.route.via")
def test_a_domain_that_is_discarded(make_server):
    server = delivering(make_server, "discard:").start()
    submit(server, "bob@dest.test")
    assert server.events.wait("delivered")[0]["via"] == "discard:"
    server.wait_queue_empty()


@pytest.mark.contract("6.route.via")
def test_routes_to_places_on_this_machine(make_server, program, folder):
    script = program(f"cat > {folder}/part; mv {folder}/part {folder}/piped")
    server = make_server(relay={"networks": ["127.0.0.1"]}, route=[
        {"recipient": "m.test", "via": f"maildir:{folder}/md/{{domain}}/{{local}}"},
        {"recipient": "b.test", "via": f"mbox:{folder}/mb/{{local}}"},
        {"recipient": "p.test", "via": f"pipe:{script} {{recipient}}"}]).start()
    submit(server, "bob@m.test", "bob@b.test", "bob@p.test", reverse_path="a@x.test")
    server.events.wait("delivered", 3)
    assert len(list((folder / "md" / "m.test" / "bob" / "new").iterdir())) == 1
    assert len(mailbox.mbox(folder / "mb" / "bob")) == 1
    assert b"Subject: test" in (folder / "piped").read_bytes()


@pytest.mark.contract("7.pipe")
def test_a_stop_in_the_middle_of_a_program_is_no_loss(make_server, program, folder):
    script = program(f"cat > /dev/null; [ -e {folder}/good ] || exec sleep 1000")
    server = delivering(make_server, f"pipe:{script}").start()
    submit(server, "bob@dest.test")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    (folder / "good").touch()
    server.start()
    server.events.wait("delivered", seconds=30)
