#!/usr/bin/python3
"""Does one slow and one dead destination among a hundred delay the others? All messages are queued while
no destination listens; then the queue is told to try at once.

    bench/destinations.py [--pairs N] [--count N] [--destinations N] PROGRAM

The tarpit answers one octet in a second; at the dead one nobody listens. Runs without these two, and with
them, alternate; what counts is the median of the ratios of rates (with / without), which should be 0.9 or
more. Only the other destinations count, the same messages in both runs.
"""

import argparse
import asyncio
import socket
import statistics
import subprocess
import threading
import time

import load
import unmoved

EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class Session(asyncio.Protocol):
    """Takes all mail, and answers whole pipelines at once."""

    def __init__(self, sinks):
        self.sinks = sinks
        self.buffer = bytearray()
        self.in_content = False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, octets):
        self.buffer += octets
        out = []
        while True:
            if self.in_content:
                end = self.buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                del self.buffer[:end + 5]
                self.in_content = False
                self.sinks.messages += 1
                out.append(b"250 taken\r\n")
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                break
            verb = bytes(self.buffer[:4]).upper()
            del self.buffer[:end + 2]
            self.in_content = verb == b"DATA"
            out.append({b"EHLO": EXTENSIONS, b"DATA": b"354 go on\r\n"}.get(verb, b"250 ok\r\n"))
        if out:
            self.transport.write(b"".join(out))


class Sinks:
    """One destination at each port, in one thread. They listen between open() and close(); their
    ports are taken before, so that no client gets one of them."""

    def __init__(self, count):
        self._sockets = [socket.socket() for _ in range(count)]
        for taken in self._sockets:
            taken.bind(("127.0.0.1", 0))
        self.ports = [taken.getsockname()[1] for taken in self._sockets]
        self.messages = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._servers = []

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def open(self):
        async def listen():
            for taken in self._sockets:
                self._servers.append(await asyncio.get_running_loop().create_server(
                    lambda: Session(self), sock=taken, backlog=100))

        self._run(listen())

    def close(self):
        async def end():
            for server in self._servers:
                server.close()

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)


def routes(sinks, others):
    names = [(f"d{number}", port) for number, port in enumerate(sinks.ports)] + list(others.items())
    return "".join(f'[[route]]\nrecipient = "{name}.test"\nvia = "smtp://127.0.0.1:{port}"\n'
                   for name, port in names) + '[queue]\nretry = ["1h"]\n'


def measure(options, others):
    """Messages in a second that arrive at the good destinations. `others`: names and ports."""
    sinks = Sinks(options.destinations - 2)
    server = load.Server(options.program, "discard:", None, routes(sinks, others))
    names = [f"d{number}" for number in range(len(sinks.ports))] + list(others)
    few = argparse.Namespace(sessions=5, size=options.size, count=options.count)
    wanted = options.count * len(sinks.ports)
    try:
        for name in names:
            load.source(server.port, f"user@{name}.test", few)
        sinks.open()
        begin = time.monotonic()
        subprocess.run([options.program, "queue", "retry", "--all", "--config",
                        f"{server.folder}/posthaste.toml"], check=True, stdout=subprocess.DEVNULL)
        load.wait_for(lambda: sinks.messages, wanted)
        return wanted / (time.monotonic() - begin)
    finally:
        sinks.close()
        server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--count", type=int, default=100, help="messages for each destination")
    parser.add_argument("--destinations", type=int, default=100)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    dead = socket.socket()  # Taken, and nobody listens.
    dead.bind(("127.0.0.1", 0))
    others = {"tarpit": unmoved.Nuisance(1).port, "dead": dead.getsockname()[1]}
    ratios, rates = [], []
    for _ in range(options.pairs):
        without = measure(options, {})
        together = measure(options, others)
        ratios.append(together / without)
        rates.append(together)
    print(f"{options.destinations} destinations, one a tarpit and one dead: the others at "
          f"{statistics.median(ratios):.2f} × without these ({min(ratios):.2f} to "
          f"{max(ratios):.2f}), {statistics.median(rates):.0f} messages/s")


if __name__ == "__main__":
    main()
