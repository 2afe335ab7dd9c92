"""A load generator: many SMTP sessions at once in a process of its own.

    python3 -m support.load PORT RECIPIENT PREFIX FIRST COUNT SESSIONS

sends COUNT numbered messages (see messages.numbered) and prints how many were accepted, or the first
refusal.
"""

import asyncio
import subprocess
import sys

from . import binary, messages
from .smtp import stuffed


async def _session(port, recipient, prefix, numbers, body_octets):
    """Sends the messages of the numbers that are left, MAIL, RCPT and DATA in one segment."""
    accepted = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def expect(code):
        while True:
            line = await reader.readuntil(b"\r\n")
            if line[3:4] != b"-":
                break
        if not line.startswith(code):
            raise RuntimeError(f"wanted {code!r}: {line!r}")

    await expect(b"220")
    writer.write(b"EHLO load.test\r\n")
    await expect(b"250")
    for number in numbers:
        _, content = messages.numbered(prefix, number, body_octets)
        writer.write(b"MAIL FROM:<ann@client.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient)
        for code in (b"250", b"250", b"354"):
            await expect(code)
        writer.write(stuffed(content))
        await expect(b"250")
        accepted += 1
    writer.write(b"QUIT\r\n")
    await expect(b"221")
    writer.close()
    return accepted


async def _send(port, recipient, prefix, first, count, sessions, body_octets):
    numbers = iter(range(first, first + count))
    done = await asyncio.gather(*(
        _session(port, recipient.encode(), prefix, numbers, body_octets)
        for _ in range(sessions)))
    return sum(done)


def start(port, recipient, prefix, count, sessions, first=0, body_octets=300):
    """Starts the generator as a process; see finish()."""
    arguments = (port, recipient, prefix, first, count, sessions, body_octets)
    return subprocess.Popen(["/usr/bin/python3", "-m", "support.load", *map(str, arguments)],
                            cwd=binary.ROOT / "test", stdout=subprocess.PIPE, text=True)


def finish(process, count):
    output, _ = process.communicate()
    assert process.returncode == 0 and int(output) == count, output


if __name__ == "__main__":
    port, recipient, prefix, first, count, sessions, body_octets = sys.argv[1:]
    print(asyncio.run(_send(int(port), recipient, prefix, int(first), int(count), int(sessions),
                            int(body_octets))))
