"""A full disk, too few descriptors, little memory: 4yz or a close, nothing lost, and it recovers by
itself. Mounts need root."""

import errno
import os
import resource
import subprocess
import threading

import pytest

from support import binary, load, messages
from support.smtp import Client, Closed, stuffed
from support.wait import wait_until

MIB = 1024 * 1024
# The check of virtual tables in UBSan opens a pipe to find out whether memory is readable, and takes
# its failure for an error: with sanitizers descriptors must not run out.
DESCRIPTORS = 1024 if binary.is_sanitized() else 128


def relaying(make_server, sink, **more):
    return make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1s"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}], **more)


def try_to_send(port, message_id, body_octets=100, seconds=20):
    """The reply that ended the attempt, or None when the connection ended without one."""
    body = ("x" * 98 + "\r\n") * (body_octets // 100)
    try:
        with Client(port, seconds=seconds) as client:
            if client.greeting.code != 220:
                return client.greeting
            client.ehlo()
            for line in ("MAIL FROM:<ann@client.test>", "RCPT TO:<bob@dest.test>", "DATA"):
                reply = client.command(line)
                if reply.code >= 400:
                    return reply
            client.send(stuffed(messages.simple("x", body, message_id)))
            return client.reply()
    except (Closed, OSError):
        return None


def assert_refused_for_now(reply):
    """[contract 5]: never 250, never 5yz."""
    assert reply is None or reply.is_("452 4.3.1", "421 4.3."), reply


# A full disk.


@pytest.fixture
def small_disk(folder):
    """A file system of 160 MiB; fill() leaves it that much room, free() makes all of it free again."""
    path = folder / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(path)], check=True)

    class SmallDisk:
        ballast = path / "ballast"

        def fill(self, leave=0):
            with open(self.ballast, "wb") as file:
                while True:
                    room = os.statvfs(path)
                    more = room.f_bavail * room.f_frsize - leave
                    if more <= 0:
                        return
                    try:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, more)
                    except OSError as error:  # The server took some of it meanwhile.
                        if error.errno != errno.ENOSPC:
                            raise

        def free(self):
            self.ballast.unlink()

    disk = SmallDisk()
    disk.path = path
    yield disk
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_is_answered_with_452_and_when_there_is_room_again_all_goes_on(
        make_server, sink, small_disk):
    sink.close()
    server = relaying(make_server, sink, data_dir=small_disk.path / "data").start()
    acknowledged, refused = set(), []
    assert try_to_send(server.port, "<before@load.test>").code == 250
    small_disk.fill()
    for number in range(2000):
        reply = try_to_send(server.port, f"<full{number}@load.test>", 500_000)
        if reply is not None and reply.code == 250:
            acknowledged.add(f"<full{number}@load.test>")
            continue
        assert_refused_for_now(reply)
        refused.append(f"<full{number}@load.test>")
        if len(refused) == 5:
            break
    assert len(refused) == 5, "the disk never became full"
    assert server.is_running() and server.queue()
    small_disk.free()
    wait_until(lambda: (reply := try_to_send(server.port, "<after@load.test>")) is not None
               and reply.code == 250, "it does not recover", poll=0.2)
    acknowledged |= {"<before@load.test>"}
    sink.open()
    server.retry()
    server.wait_queue_empty(retry=True)
    counts = sink.counts()
    assert acknowledged <= counts.keys() and "<after@load.test>" in counts
    assert not set(refused) & counts.keys(), "what was refused was delivered"
    assert max(count for name, count in counts.items() if name != "<after@load.test>") == 1


def test_a_restart_on_a_full_disk_loses_nothing(make_server, sink, small_disk):
    sink.close()
    server = relaying(make_server, sink, data_dir=small_disk.path / "data").start()
    for number in range(20):
        assert try_to_send(server.port, f"<{number}@load.test>").code == 250
    small_disk.fill()
    server.kill()
    server.start()
    # Nobody makes room: what leaves must make it.
    assert len(server.queue()) == 20
    sink.open()
    server.wait_queue_empty(retry=True)
    assert sink.counts() == {f"<{number}@load.test>": 1 for number in range(20)}


def test_a_queue_on_a_full_disk_drains(make_server, sink, small_disk):
    """Else a disk that is full of mail would stay so for ever."""
    sink.close()
    server = relaying(make_server, sink, data_dir=small_disk.path / "data").start()
    for number in range(20):
        assert try_to_send(server.port, f"<{number}@load.test>").code == 250
    small_disk.fill()
    sink.open()
    sink.wait(20)
    server.wait_queue_empty()
    assert max(sink.counts().values()) == 1


def test_a_mailbox_on_a_full_disk_defers(make_server, small_disk):
    server = make_server(queue={"retry": ["1s"]},
                         domain=[{"name": "dest.test", "deliver": f"maildir:{small_disk.path}/{{local}}"}],
                         user=[{"address": "bob@dest.test"}]).start()
    small_disk.fill()
    assert try_to_send(server.port, "<1@load.test>", 100_000).code == 250
    server.events.wait("deferred")
    assert not list(small_disk.path.glob("bob/new/*"))
    small_disk.free()
    wait_until(lambda: list(small_disk.path.glob("bob/new/*")), "never delivered")
    server.wait_queue_empty()


# Few descriptors.


def limited(**limits):
    """A function for Server.start(before=…): resource limits of the new process."""

    def apply():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))

    return apply


def test_with_128_descriptors_it_works_with_fewer_sessions(make_server, sink):
    server = relaying(make_server, sink, limits={"sessions_per_client": 1000})
    server.start(before=limited(RLIMIT_NOFILE=DESCRIPTORS))
    clients, greeted = [], 0
    for _ in range(300):
        clients.append(Client(server.port, greeted=False))
    # Each connection is served, told 421, closed, or waits for its turn: none takes the server down.
    for client in clients:
        client.socket.settimeout(0.02)
        try:
            client.greeting = client.reply()
        except (Closed, OSError):
            continue
        greeted += client.greeting.code == 220
        assert client.greeting.code in (220, 421)
    assert greeted >= 30, f"only {greeted} sessions"
    assert server.is_running()
    # Those that were greeted work, although everything is taken.
    sent = 0
    for client in [client for client in clients if client.greeting and client.greeting.code == 220]:
        client.socket.settimeout(20)
        client.ehlo()
        reply = client.mail(messages.simple(message_id=f"<{sent}@load.test>"), "ann@client.test",
                            "bob@dest.test")
        if reply.code == 250:
            sent += 1
        else:
            assert_refused_for_now(reply)
    assert sent >= 30
    for client in clients:
        client.close()
    wait_until(lambda: (reply := try_to_send(server.port, "<last@load.test>")) is not None
               and reply.code == 250, "it does not recover", poll=0.1)
    server.wait_queue_empty(retry=True)
    counts = sink.counts()
    assert {f"<{number}@load.test>" for number in range(sent)} | {"<last@load.test>"} <= set(counts)


def test_with_128_descriptors_a_load_of_many_recipients_hosts_arrives(make_server, sink):
    """Deliveries, too, need descriptors; what does not get one now, goes later."""
    server = relaying(make_server, sink, limits={"sessions_per_client": 1000})
    server.set(route=[{"recipient": f"d{number}.test", "via": f"smtp://127.0.0.{number + 1}:"
                       f"{sink.port}"} for number in range(60)] + server.settings["route"])
    server.start(before=limited(RLIMIT_NOFILE=DESCRIPTORS))
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("ann@client.test", *[f"bob@d{number}.test" for number in range(60)])
        assert client.command("DATA").code == 354
        client.send(stuffed(messages.simple()))
        assert client.reply().code == 250
    load.finish(load.start(server.port, "bob@dest.test", "few", 500, 50), 500)
    server.events.wait("delivered", 500, seconds=40, to="bob@dest.test")
    assert len([m for m in sink.messages if m.message_id.startswith("<few.")]) == 500


# Little memory.


@pytest.mark.parametrize("limit", [{"RLIMIT_AS": 1024 * MIB}, {"RLIMIT_DATA": 128 * MIB}],
                         ids=["1 GiB of addresses", "128 MiB of data"])
def test_with_little_memory_large_messages_are_accepted_or_refused_for_now(
        make_server, sink, limit):
    server = relaying(make_server, sink)
    # Sanitizers reserve all of the address space.
    server.start(before=None if binary.is_sanitized() else limited(**limit))
    outcomes = {}

    def submit(number):
        outcomes[number] = try_to_send(server.port, f"<{number}@load.test>", 8_000_000, 50)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.is_running(), server.stderr()
    acknowledged = set()
    for number, reply in outcomes.items():
        if reply is not None and reply.code == 250:
            acknowledged.add(f"<{number}@load.test>")
        else:
            assert_refused_for_now(reply)
    assert acknowledged, "not one was accepted"
    server.wait_queue_empty(retry=True)
    assert acknowledged <= set(sink.counts())
    assert try_to_send(server.port, "<last@load.test>").code == 250


def test_idle_sessions_cost_little_memory(make_server):
    server = make_server(limits={"sessions_per_client": 5000}).start()
    with Client(server.port) as client:
        client.ehlo()
    before = server.memory()
    clients = [Client(server.port) for _ in range(1000)]
    for client in clients:
        client.ehlo()
    each = (server.memory() - before) / len(clients)
    for client in clients:
        client.close()
    assert binary.is_sanitized() or each <= 24 * 1024, f"{each / 1024:.1f} KiB for a session"
