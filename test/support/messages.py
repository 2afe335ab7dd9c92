"""Messages made from seeds, and what a relay may add to them."""

import hashlib
import random
import re

_RECEIVED = re.compile(rb"\AReceived:.*?\r\n(?![ \t])", re.S)


def simple(subject="test", body="Hello.\r\n", message_id=None):
    head = f"From: ann@client.test\r\nTo: bob@dest.test\r\nSubject: {subject}\r\n"
    head += "Date: Wed, 01 Jan 2025 00:00:00 +0000\r\n"
    if message_id:
        head += f"Message-ID: {message_id}\r\n"
    return (head + "\r\n" + body).encode()


def numbered(prefix, number, body_octets=300):
    """A Message-ID and a content that no other number has."""
    message_id = f"<{prefix}.{number}@load.test>"
    digits = hashlib.sha256(message_id.encode()).hexdigest() + "\r\n"
    body = (digits * (body_octets // len(digits) + 1))[: body_octets // len(digits) * len(digits)]
    return message_id, simple(f"number {number}", body or "x\r\n", message_id)


def odd_bodies(seed, count):
    """Contents that go through strict relays unchanged, and break careless ones: dots, long lines,
    8-bit octets, empty bodies, trailing spaces, and what looks like the end."""
    source = random.Random(seed)
    fixed = [b"", b"\r\n", b".\r\n", b"..\r\n", b".\r\n.\r\n", b"...\r\n", b"a\r\n.\r\nb\r\n",
             b".a\r\n..b\r\n...c\r\n", b" \r\n", b"\t\r\n", b"x" * 998 + b"\r\n",
             b"." + b"x" * 997 + b"\r\n", b"From here\r\n>From there\r\n", b"\r\n" * 50,
             b"trailing   \r\n", b"Received: in the body\r\n", b"QUIT\r\nDATA\r\n",
             bytes(range(0xA0, 0x100)) + b"\r\n", "Gr\u00fc\u00dfe\r\n".encode(),
             b"x" * 996 + b"\r\n" + b".\r\n", b"=20\r\n=\r\n", b"+OK\r\n"]
    for number in range(count):
        if number < len(fixed):
            body = fixed[number]
        else:
            lines = []
            for _ in range(source.randrange(1, 60)):
                length = source.choice((0, 1, 2, 10, 70, 76, 78, 500, 997))
                alphabet = source.choice((b".", b"abc .", bytes(range(0x20, 0x7F)),
                                          bytes(range(0x80, 0x100)) + b"ab."))
                lines.append(bytes(source.choices(alphabet, k=length)))
            body = b"\r\n".join(lines) + b"\r\n"
        yield body


def various(seed, count, domain="dest.test", large_octets=0):
    """Messages for a comparison: (content, needs SMTPUTF8, reverse-path, forward-path, parameters of
    MAIL, parameters of RCPT). UTF-8 in addresses and header sections, the bodies of odd_bodies(), all
    kinds of DSN parameters; the last one has `large_octets`."""
    source = random.Random(seed)
    for number, body in enumerate(odd_bodies(seed, count)):
        message_id = f"<{seed}.{number}@various.test>"
        kind = number % 5
        sender, recipient, subject = f"ann{number}@client.test", f"bob{number}@{domain}", "plain"
        if kind == 1:
            subject = "Gr\u00fc\u00dfe \u4f60\u597d \U0001f4ee"
        if kind == 2:
            sender, recipient = f"\u00e4nn{number}@client.test", f"b\u00f6b{number}@{domain}"
        if kind == 3:
            subject = "folded\r\n\tand folded\r\n  again " + "word " * source.randrange(1, 180)
        if number == count - 1 and large_octets:
            lines = (f"{line:08}" + "v" * 90 + "\r\n" for line in range(large_octets // 100))
            body = "".join(lines).encode()
        head = f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n" \
            f"Date: Wed, 01 Jan 2025 00:00:00 +0000\r\nMessage-ID: {message_id}\r\n\r\n"
        mail = source.choice(("", " RET=FULL", " RET=HDRS", f" ENVID=env+2B{number}",
                              f" RET=HDRS ENVID={number}"))
        rcpt = source.choice(("", " NOTIFY=NEVER", " NOTIFY=SUCCESS", " NOTIFY=FAILURE,DELAY",
                              " NOTIFY=SUCCESS,FAILURE,DELAY"))
        if kind != 2 and source.random() < 0.5:
            rcpt += f" ORCPT=rfc822;orig+2B{number}@first.test"
        yield head.encode() + body, kind in (1, 2), sender, recipient, mail, rcpt


def without_received(content):
    """The content without the Received fields on top of it."""
    while found := _RECEIVED.match(content):
        content = content[found.end():]
    return content


def split(content, line_end=b"\r\n"):
    """Header section and body."""
    head, _, body = content.partition(line_end + line_end)
    return head + line_end, body


def digest(octets):
    return hashlib.sha256(octets).hexdigest()
