"""The sendmail front: flags, recipients from the header section, and the binary by that name."""

import email
import os
import pwd
import subprocess

import pytest

from support import binary, messages
from support.server import run
from support.wait import wait_until

LF = b"Subject: from a program\n\nHello.\n"


@pytest.fixture
def server(make_server, sink):
    made = make_server(delivery={"tls": "off"}, queue={"retry": ["1h"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    return made.domain("home.test", ("ann",)).start()


@pytest.fixture
def sendmail(server, folder):
    """Runs the binary as `sendmail`, by a link of that name."""
    link = folder / "sendmail"
    link.symlink_to(binary.posthaste())

    def send(*arguments, stdin=LF, user=None, status=0):
        done = subprocess.run([str(link), "-C", str(server.config_file), *arguments], input=stdin,
                              capture_output=True, timeout=30, user=user)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return send


@pytest.mark.contract("1.sendmail")
def test_mail_of_a_local_user_goes_anywhere_and_is_completed(sendmail, server, sink):
    sendmail("-f", "ann@home.test", "bob@dest.test", "carl@dest.test")
    message = sink.wait()[0]
    assert message.reverse_path == "ann@home.test"
    assert sorted(message.forward_paths) == ["bob@dest.test", "carl@dest.test"]
    parsed = email.message_from_bytes(message.content)
    assert parsed["From"] and parsed["Message-ID"].strip().endswith("@mx.posthaste.test>")
    assert email.utils.parsedate_to_datetime(parsed["Date"])
    assert parsed["Subject"] == "from a program"
    assert message.content.endswith(b"\r\n\r\nHello.\r\n")
    received = server.events.of("received")[0]
    assert received["to"] == ["bob@dest.test", "carl@dest.test"]


@pytest.mark.contract("1.sendmail")
def test_the_command_does_the_same(server, sink):
    done = server.run("sendmail", "-f", "ann@home.test", "bob@dest.test", stdin=LF)
    assert done.returncode == 0, done.stderr
    assert sink.wait()[0].forward_paths == ["bob@dest.test"]


@pytest.mark.contract("1.sendmail.t")
def test_recipients_from_the_header_section_and_bcc_is_removed(sendmail, sink):
    content = (b"From: Ann <ann@home.test>\nTo: Bob <bob@dest.test>,\n  group: carl@dest.test, "
               b"dora@dest.test;\nCc: \"Q, uoted\" <emil@dest.test> (comment)\n"
               b"Bcc: secret@dest.test,\n other@dest.test\nSubject: x\n\nTo: body@dest.test\n")
    sendmail("-t", "-i", stdin=content)
    message = sink.wait()[0]
    assert sorted(message.forward_paths) == sorted(
        f"{name}@dest.test" for name in ("bob", "carl", "dora", "emil", "secret", "other"))
    parsed = email.message_from_bytes(message.content)
    assert parsed["Bcc"] is None and b"secret@" not in message.content
    assert "bob@dest.test" in parsed["To"] and "emil@dest.test" in parsed["Cc"]
    assert parsed["From"] == "Ann <ann@home.test>"


@pytest.mark.contract("1.sendmail")
def test_bare_names_are_completed_with_the_hostname(sendmail, sink):
    sendmail("-f", "root", "bob")
    message = sink.wait()[0]
    assert message.reverse_path == "root@mx.posthaste.test"
    assert message.forward_paths == ["bob@mx.posthaste.test"]


@pytest.mark.contract("1.sendmail")
def test_the_full_name_stands_in_the_from_field(sendmail, sink):
    sendmail("-F", "Ann Example", "-f", "ann@home.test", "bob@dest.test")
    parsed = email.message_from_bytes(sink.wait()[0].content)
    assert email.utils.parseaddr(parsed["From"]) == ("Ann Example", "ann@home.test")


@pytest.mark.contract("1.sendmail")
@pytest.mark.parametrize("flags, content, lines", [
    (["-i"], b"Subject: x\n\na\n.\nb\n", b"a\r\n.\r\nb\r\n"),
    (["-oi"], b"Subject: x\n\na\n.\nb\n", b"a\r\n.\r\nb\r\n"),
    ([], b"Subject: x\n\na\n.\nb\n", b"a\r\n"),
    (["-i"], b"Subject: x\r\n\r\nCRLF\r\n", b"CRLF\r\n"),
    (["-i"], b"Subject: x\n\nno end", b"no end\r\n"),
    (["-i"], "Subject: x\n\n\u00fc\n".encode(), "\u00fc\r\n".encode())],
    ids=["-i", "-oi", "a dot ends it", "CRLF", "no last line end", "8-bit"])
def test_line_ends_and_the_single_dot(sendmail, sink, flags, content, lines):
    sendmail(*flags, "-f", "ann@home.test", "bob@dest.test", stdin=content)
    assert messages.split(sink.wait()[0].content)[1] == lines


@pytest.mark.contract("1.sendmail")
@pytest.mark.parametrize("flags", [
    ["-bm"], ["-oem"], ["-odb"], ["-odi"], ["-n"], ["-v"], ["-m"], ["-G"], ["-U"], ["-B8BITMIME"],
    ["-B", "8BITMIME"], ["-hX"], ["-L", "tag"], ["-N", "never"], ["-R", "hdrs"], ["-V", "envid"],
    ["-o", "7"], ["-O", "DeliveryMode=b"], ["-p", "x"], ["-X", "/dev/null"], ["-Ac"], ["-oQ/x"]],
    ids=" ".join)
def test_flags_of_the_family_are_taken(sendmail, sink, flags):
    sendmail(*flags, "-f", "ann@home.test", "--", "bob@dest.test")
    assert sink.wait()[0].forward_paths == ["bob@dest.test"]


@pytest.mark.contract("1.sendmail")
def test_the_peers_uid_is_recorded_and_other_users_may_submit(sendmail, server, sink):
    nobody = pwd.getpwnam("nobody")
    sendmail("bob@dest.test", user=nobody.pw_uid)
    message = sink.wait()[0]
    assert message.reverse_path == "nobody@mx.posthaste.test"
    received = message.content.split(b"From:")[0]
    assert f"uid {nobody.pw_uid}".encode() in received or b"nobody" in received


@pytest.mark.contract("1.sendmail")
def test_the_socket_of_sendmail_only_submits(server):
    """Others reach neither the queue nor anything else below data_dir."""
    public = server.data_dir / "public"
    sockets = [path for path in public.iterdir() if path.is_socket()]
    assert len(sockets) == 1 and sockets[0].stat().st_mode & 0o777 == 0o666
    done = subprocess.run(
        [binary.posthaste(), "queue", "drop", "--all", "--config", str(server.config_file)],
        capture_output=True, timeout=30, user=pwd.getpwnam("nobody").pw_uid)
    assert done.returncode == 1 and done.stderr


@pytest.mark.contract("1.sendmail")
@pytest.mark.parametrize("arguments, stdin", [(["a..b@dest.test"], LF), ([], LF),
                                              (["-t"], b"Subject: nobody\n\nx\n")])
def test_what_cannot_be_sent_has_a_status_of_sysexits(sendmail, server, arguments, stdin):
    link = server.folder.parent / "sendmail"
    done = subprocess.run([str(link), "-C", str(server.config_file), *arguments], input=stdin,
                          capture_output=True, timeout=30)
    assert 64 <= done.returncode <= 78 and done.returncode != 75 and done.stderr
    assert not server.events.of("received")


@pytest.mark.contract("1.sendmail.stopped")
def test_while_the_server_is_stopped_the_mail_is_queued(sendmail, server, sink):
    assert server.stop() == 0
    sendmail("-f", "ann@home.test", "bob@dest.test")
    listed = server.queue()
    assert [[r["to"] for r in m["recipients"]] for m in listed] == [["bob@dest.test"]]
    server.start()
    message = sink.wait()[0]
    assert message.forward_paths == ["bob@dest.test"]
    assert message.content.endswith(b"\r\n\r\nHello.\r\n")


@pytest.mark.contract("1.sendmail.stopped")
def test_who_may_not_write_to_a_stopped_server_hears_75(sendmail, server, sink):
    assert server.stop() == 0
    sendmail("-f", "ann@home.test", "bob@dest.test", user=pwd.getpwnam("nobody").pw_uid, status=75)
    assert server.queue() == []


@pytest.mark.contract("1.sendmail")
def test_bp_lists_the_queue(sendmail, server, sink):
    sink.script = lambda _, verb, __: "451 4.3.0 later" if verb == "RCPT" else None
    sendmail("-f", "ann@home.test", "bob@dest.test")
    server.events.wait("deferred")
    done = sendmail("-bp")
    assert b"bob@dest.test" in done.stdout and server.queue()[0]["id"].encode() in done.stdout
    sink.script = None
    sendmail("-q")
    sink.wait()


@pytest.mark.contract("1.sendmail")
def test_bs_speaks_smtp_on_stdin(sendmail, sink):
    done = sendmail("-bs", stdin=b"EHLO x\r\nMAIL FROM:<ann@home.test>\r\nRCPT TO:<bob@dest.test>\r\n"
                    b"DATA\r\nSubject: by stdin\r\n\r\nx\r\n.\r\nQUIT\r\n")
    codes = [line[:3] for line in done.stdout.splitlines() if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"], done.stdout
    assert b"Subject: by stdin" in sink.wait()[0].content


@pytest.mark.contract("1.sendmail")
def test_python_and_others_find_a_sendmail_that_works(sendmail, sink):
    """As programs call it: `sendmail -i -t`, `sendmail -oi -f x -- y`."""
    sendmail("-oi", "-fann@home.test", "--", "bob@dest.test")
    assert sink.wait()[0].reverse_path == "ann@home.test"
