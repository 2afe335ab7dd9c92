"""What the kernel sees: before each 250 after content the message has been written and synced."""

import re
import shutil
import subprocess

from support import load
from support.wait import wait_until

CALLS = "openat,pwritev,pwritev2,pwrite64,write,writev,sendmsg,sendto,fdatasync,fsync"
LINE = re.compile(r"^(\d+)\s+(\d+\.\d+) (?:<\.\.\. )?(\w+)(?:\((\d+)<([^>]*)>|.*resumed>)?(.*)")


def one_session(port, count):
    load.finish(load.start(port, "bob@home.test", "strace", count, 1), count)


def a_hundred_sessions(port, count):
    """By smtp-source, since all sessions must really wait at once: Python is too slow for that."""
    tool = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    subprocess.run([tool, "-d", "-s", "100", "-m", str(count), "-l", "1024", "-t", "bob@home.test",
                    f"127.0.0.1:{port}"], check=True, capture_output=True)


def traced(make_server, folder, count, send):
    """Sends messages to a server under strace. Returns the lines of the trace, in order."""
    server = make_server(limits={"sessions_per_client": 200})
    server.domain("home.test", users=["bob"])
    server.settings["domain"][0]["deliver"] = "discard:"
    server.set()
    trace = folder / "trace"
    server.start(prefix=["strace", "-f", "-ttt", "-y", "-s", "6000", "-o",
                         str(trace), "-e", f"trace={CALLS}"])
    send(server.port, count)
    wait_until(lambda: len(server.events.of("delivered")) == count, "not delivered", 30)
    # strace passes the signal on by ending with its child.
    children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True,
                              text=True, check=True).stdout.split()
    subprocess.run(["kill", "-TERM", *children], check=True)
    server.process.wait(30)
    return trace.read_text(errors="replace").splitlines()


def syncs_of_the_spool(lines):
    return [line for line in lines if "fdatasync(" in line and "/spool/" in line]


def test_strace_is_there():
    assert shutil.which("strace")


def test_each_250_comes_after_write_and_sync_of_its_message(make_server, folder):
    count = 30
    lines = traced(make_server, folder, count, one_session)
    replies = 0
    for number, line in enumerate(lines):
        accepted = re.search(r'250 2\.0\.0 accepted as (\w+)', line)
        if not accepted or not re.search(r"\b(sendmsg|sendto|writev|write)\(", line):
            continue
        replies += 1
        message = re.search(r"number (\d+)", lines_before_with_content(lines, number, replies - 1))
        assert message, f"the message of reply {replies} was not written before: {line[:200]}"
    assert replies == count


def lines_before_with_content(lines, number, index):
    """The write of message `index` into the spool that lies before line `number`, if a successful
    fdatasync of the same file lies between the two."""
    wanted = f"number {index}\\r\\n"
    for at, line in enumerate(lines[:number]):
        if "pwritev" in line and wanted in line and "/spool/" in line:
            file = re.search(r"\d+<([^>]*/spool/[^>]*)>", line).group(1)
            for later in range(at + 1, number):
                if "fdatasync(" in lines[later] and file in lines[later]:
                    if re.search(r"= 0$", lines[later]):
                        return line
                    thread = lines[later].split()[0]
                    for end in lines[later + 1 : number]:
                        if end.startswith(thread) and "fdatasync resumed" in end:
                            return line if re.search(r"= 0$", end) else ""
    return ""


def test_at_100_sessions_one_sync_serves_many_messages(make_server, folder):
    count = 2_000
    lines = traced(make_server, folder, count, a_hundred_sessions)
    assert len(syncs_of_the_spool(lines)) <= count // 5
