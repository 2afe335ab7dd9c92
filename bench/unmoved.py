#!/usr/bin/python3
"""Do slow and dead next hops delay others? Mail to a good host, alone and while many messages wait for a
tarpit and for a host that says nothing.

    bench/unmoved.py [--pairs N] [--count N] [--waiting N] PROGRAM

The tarpit answers one octet in a second; the silent host takes connections and never greets. Each pair
alternates; what counts is the median of the ratios of rates (with them / alone), which should be 0.9 or more.
"""

import argparse
import asyncio
import statistics
import threading
import time

import load


class Nuisance:
    """Listens in a thread; `octet_seconds` None: says nothing."""

    def __init__(self, octet_seconds):
        self.octet_seconds = octet_seconds
        self.connections = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._started.wait()

    async def _run(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await server.serve_forever()

    async def _say(self, writer, reply):
        for octet in reply:
            await asyncio.sleep(self.octet_seconds)
            writer.write(bytes([octet]))
            await writer.drain()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            if self.octet_seconds is None:
                await reader.read()
                return
            await self._say(writer, b"220 tarpit\r\n")
            while line := await reader.readline():
                await self._say(writer, b"354 go on\r\n" if line.upper().startswith(b"DATA")
                                else b"250 ok\r\n")
        except ConnectionError:
            pass
        finally:
            writer.close()


def routes(sink, nuisances):
    out = ""
    for name, port in (("good", sink.port), *((n, nuisances[n].port) for n in nuisances)):
        out += f'[[route]]\nrecipient = "{name}.test"\nvia = "smtp://127.0.0.1:{port}"\n'
    return out


def measure(options, nuisances):
    """Messages in a second that arrive at the good host."""
    sink = load.Sink()
    server = load.Server(options.program, "discard:", None, routes(sink, nuisances))
    few = argparse.Namespace(sessions=20, size=1024, count=options.waiting)
    for name in nuisances:
        load.source(server.port, f"user@{name}.test", few)
    if nuisances:
        time.sleep(1)  # Until all connections that may be open are.
    begin = time.monotonic()
    load.source(server.port, "user@good.test", options)
    load.wait_for(sink.count, options.count)
    seconds = time.monotonic() - begin
    sink.stop()
    server.kill()
    return options.count / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--waiting", type=int, default=5000, help="messages for each of the others")
    options = parser.parse_args()
    options.sessions, options.size = 20, 4096
    nuisances = {"tarpit": Nuisance(1), "silent": Nuisance(None)}
    ratios, rates = [], []
    for _ in range(options.pairs):
        alone = measure(options, {})
        together = measure(options, nuisances)
        ratios.append(together / alone)
        rates.append(together)
    print(f"with {options.waiting} waiting for a tarpit and {options.waiting} for a silent host: "
          f"{statistics.median(ratios):.2f} × alone ({min(ratios):.2f} to {max(ratios):.2f}), "
          f"{statistics.median(rates):.0f} messages/s")


if __name__ == "__main__":
    main()
