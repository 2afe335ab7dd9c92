#!/usr/bin/python3
"""Kills a mail server again and again under load, and counts what it had acknowledged.

    crash_tool.py [--careless] [--rounds N] [--seconds S] [--sessions N]

Starts posthaste ($POSTHASTE) with a next hop that stores what it gets. Each round sends messages by
many sessions, kills the server by SIGKILL while transactions are open, and starts it anew. In the end
the queue must drain, every message that got a 250 must have arrived, whole, and a message may have
arrived twice only when the event log has an `unknown` event for its recipient [design: P4]. Exit
status: 0 if so, else 1, with a list.

With --careless it does the same to support/careless_server.py, which replies 250 before it writes: then
it must find losses, else it would find none anywhere.
"""

import argparse
import collections
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from support import messages, ports
from support.server import Server
from support.sink import Sink
from support.smtp import Client, Closed, stuffed
from support.wait import slowness, wait_until

RECIPIENT = "bob@dest.test"


class Posthaste:
    """What is tested: start(), kill(), drain(), and which messages may have been sent twice."""

    def __init__(self, folder, sink):
        self.server = Server(folder, relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                             queue={"retry": ["1s"]},
                             route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
        self.port = self.server.port

    def start(self):
        self.server.start()

    def kill(self):
        assert self.server.is_running(), "it ended by itself: " + self.server.stderr()
        self.server.kill()

    def drain(self):
        self.server.wait_queue_empty(seconds=20, retry=True)

    def stop(self):
        assert self.server.stop() == 0, self.server.stderr()

    def unknown_ids(self):
        return {event["id"] for event in self.server.events.of("unknown", to=RECIPIENT)}

    def close(self):
        self.server.close()


class Careless:
    """The server that replies 250 before it writes."""

    def __init__(self, folder, sink):
        self.port = ports.free_port()
        self.command = ["/usr/bin/python3", "-m", "support.careless_server", str(self.port),
                        str(folder / "spool"), str(sink.port)]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, cwd=pathlib.Path(__file__).parent)
        wait_until(self._listens, "the careless server does not listen")

    def _listens(self):
        try:
            Client(self.port).close()
        except (OSError, Closed):
            return False
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def drain(self):
        """It ends by itself when it has sent everything."""
        with Client(self.port) as client:
            client.send("DRAIN\r\n")
        self.process.wait(20 * slowness())

    def stop(self):
        pass

    def unknown_ids(self):
        return set()

    def close(self):
        if self.process.poll() is None:
            self.kill()


class Load:
    """Sessions that send numbered messages until the server is gone. `acknowledged` are the numbers
    whose 250 was read."""

    def __init__(self, port, sessions, prefix):
        self.port = port
        self.prefix = prefix
        self.acknowledged = []
        self.open = 0  # Transactions whose content is on its way, or waits for its reply.
        self._next = 0
        self._lock = threading.Lock()
        self._stop = False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def finish(self):
        self._stop = True
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive(), "a session outlives its server"

    def _number(self):
        with self._lock:
            self._next += 1
            return self._next

    def _run(self):
        try:
            with Client(self.port) as client:
                client.ehlo()
                while not self._stop:
                    self._transaction(client)
        except (Closed, OSError):
            pass

    def _transaction(self, client):
        number = self._number()
        _, content = messages.numbered(self.prefix, number, random.randrange(100, 8000))
        client.send(f"MAIL FROM:<ann@client.test>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n")
        replies = client.replies(3)
        if replies[2].code != 354:
            return
        self._count_open(1)
        try:
            octets = stuffed(content)
            client.send(octets[: len(octets) // 2])
            client.send(octets[len(octets) // 2 :])
            if client.reply().code == 250:
                self.acknowledged.append((number, messages.digest(content)))
        finally:
            self._count_open(-1)

    def _count_open(self, more):
        with self._lock:
            self.open += more


def run(make, rounds, seconds, sessions):
    """Returns a dict: acknowledged, lost, damaged, doubled (without an `unknown` event) and
    doubled_known, as Message-IDs; arrived, a number."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="posthaste-crash-"))
    sink = Sink()
    server = make(folder, sink)
    acknowledged = {}
    try:
        for number in range(rounds):
            server.start()
            load = Load(server.port, sessions, f"round{number}")
            load.start()
            # The moment is random on purpose: every one of them must be survived.
            time.sleep(seconds * random.uniform(0.5, 1.5) * slowness())
            wait_until(lambda: load.open > 0, "no open transaction", poll=0.0001)
            server.kill()
            load.finish()
            for count, digest in load.acknowledged:
                acknowledged[messages.numbered(load.prefix, count)[0]] = digest
        server.start()
        server.drain()
        server.stop()
        return _judge(acknowledged, sink, server.unknown_ids())
    finally:
        server.close()
        sink.close()
        shutil.rmtree(folder, ignore_errors=True)


def _judge(acknowledged, sink, unknown_ids):
    arrived = collections.defaultdict(list)
    for message in sink.messages:
        arrived[message.message_id].append(message)
    out = {"acknowledged": sorted(acknowledged), "arrived": len(arrived), "lost": [],
           "damaged": [], "doubled": [], "doubled_known": []}
    for message_id, digest in acknowledged.items():
        if message_id not in arrived:
            out["lost"].append(message_id)
        for message in arrived[message_id]:
            if messages.digest(messages.without_received(message.content)) != digest:
                out["damaged"].append(message_id)
    for message_id, copies in arrived.items():
        if len(copies) > 1:
            found = re.search(rb"\sid ([0-9a-z]+)\s", copies[0].content)
            known = found is not None and found[1].decode() in unknown_ids
            out["doubled_known" if known else "doubled"].append(message_id)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--careless", action="store_true")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--sessions", type=int, default=20)
    chosen = parser.parse_args()
    found = run(Careless if chosen.careless else Posthaste, chosen.rounds, chosen.seconds,
                chosen.sessions)
    print(f"{len(found['acknowledged'])} acknowledged, {found['arrived']} arrived")
    for what in ("lost", "damaged", "doubled", "doubled_known"):
        print(f"{what}: {len(found[what])} {' '.join(found[what][:20])}")
    return 1 if found["lost"] or found["damaged"] or found["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
