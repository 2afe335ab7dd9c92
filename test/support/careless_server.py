"""A mail server as it must not be: it replies 250 and writes later. For crash_tool.py.

    python3 -m support.careless_server PORT SPOOL NEXT_HOP_PORT

The command DRAIN sends everything that is stored to the next hop and ends the server.
"""

import asyncio
import pathlib
import smtplib
import sys

WRITE_AFTER_SECONDS = 0.1


class Server:
    def __init__(self, spool, next_hop):
        self.spool = pathlib.Path(spool)
        self.spool.mkdir(parents=True, exist_ok=True)
        self.next_hop = next_hop
        self.count = len(list(self.spool.iterdir()))

    def store(self, content):
        self.count += 1
        (self.spool / str(self.count)).write_bytes(content)

    def drain(self):
        with smtplib.SMTP("127.0.0.1", self.next_hop) as client:
            for file in sorted(self.spool.iterdir()):
                client.sendmail("ann@client.test", ["bob@dest.test"], file.read_bytes())

    async def serve(self, reader, writer):
        try:
            await self.converse(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def converse(self, reader, writer):
        writer.write(b"220 careless\r\n")
        while True:
            verb = (await reader.readuntil(b"\r\n"))[:4].upper()
            if verb == b"DRAI":
                await asyncio.sleep(2 * WRITE_AFTER_SECONDS)
                self.drain()
                asyncio.get_running_loop().stop()
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                asyncio.get_running_loop().call_later(WRITE_AFTER_SECONDS, self.store,
                                                      content[:-3])
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"250 ok\r\n")


async def main(port, spool, next_hop):
    server = Server(spool, int(next_hop))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", int(port))
    await listening.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except RuntimeError:  # The loop was stopped: drained.
        pass
