"""An SMTP or LMTP server that keeps what it gets, octet by octet, and answers as a script says."""

import asyncio
import base64
import collections
import dataclasses
import re
import threading

from . import background, ports
from .wait import wait_until

CLOSE = "close"  # The connection ends without a reply.
SILENT = "silent"  # No reply ever comes.

DEFAULT_EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES")

_DEFAULTS = {
    "CONNECT": "220 sink.test ESMTP",
    "HELO": "250 sink.test",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "CONTENT": "250 2.0.0 taken",
    "RSET": "250 2.0.0 ok",
    "NOOP": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
    "STARTTLS": "220 2.0.0 go on",
    "AUTH": "235 2.7.0 welcome",
}
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.I | re.M)


@dataclasses.dataclass
class Message:
    reverse_path: str
    forward_paths: list
    content: bytes  # As the client had it: CRLF line ends, dots not doubled.
    mail_parameters: str
    session: "Session"
    recipient_parameters: list = dataclasses.field(default_factory=list)
    chunked: bool = False  # It came by BDAT.

    @property
    def message_id(self):
        found = _MESSAGE_ID.search(self.content)
        return found[1].decode() if found else ""


class Session(asyncio.Protocol):
    """One connection. `helo`, `tls`, `commands` (all lines), `credentials` (mechanism, user, password)
    and `messages` (how many) are for scripts and tests."""

    def __init__(self, sink):
        self.sink = sink
        self.helo = ""
        self.extended = False
        self.tls = False
        self.commands = []
        self.messages = 0
        self.closed = False
        self.credentials = None
        self._login = None  # The lines of AUTH LOGIN, as far as they have come.
        self._chunk_left = None  # Octets of a BDAT that are to come.
        self._chunks = bytearray()
        self._last_chunk = False
        self._buffer = bytearray()
        self._searched = 0
        self._in_content = False
        self._silent = False
        self._out = []
        self._reset()

    def _reset(self):
        self._reverse_path = None
        self._parameters = ""
        self._forward_paths = []
        self._recipient_parameters = []
        self._chunks = bytearray()

    # Callbacks of asyncio.

    def connection_made(self, transport):
        self.transport = transport
        self.sink.sessions.append(self)
        self.tls = self.sink.implicit
        self._reply("CONNECT", "")
        self._flush()

    def connection_lost(self, error):
        self.closed = True

    def data_received(self, octets):
        self._buffer += octets
        if not self._silent:
            while self._take_some():
                pass
        self._flush()

    # The protocol.

    def _take_some(self):
        if self._in_content:
            return self._take_content()
        if self._chunk_left is not None:
            return self._take_chunk()
        return self._take_line()

    def _take_line(self):
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).decode("utf-8", "surrogateescape")
        del self._buffer[: end + 2]
        if "\r" in line or "\n" in line:
            self.sink.strays.append(line)
        self.commands.append(line)
        if self._login is not None:
            self._continue_login(line)
            return bool(self._buffer)
        verb, _, argument = line.partition(" ")
        self._command(verb.upper(), argument)
        return bool(self._buffer) and not self._silent

    def _command(self, verb, argument):
        accepted = self._reply(verb, argument)
        if verb in ("EHLO", "HELO", "LHLO") and accepted:
            self.helo, self.extended = argument, verb != "HELO"
            self._reset()
        elif verb == "MAIL" and accepted:
            found = re.fullmatch(r"FROM:<(.*?)>\s*(.*)", argument, re.I)
            self._reverse_path, self._parameters = found[1], found[2]
        elif verb == "RCPT" and accepted:
            found = re.fullmatch(r"TO:<(.*?)>\s*(.*)", argument, re.I)
            self._forward_paths.append(found[1])
            self._recipient_parameters.append(found[2])
        elif verb == "DATA" and accepted:
            self._in_content, self._searched = True, 0
        elif verb == "BDAT":
            size, _, last = argument.partition(" ")
            self._chunk_left, self._last_chunk = int(size), last.upper() == "LAST"
        elif verb == "AUTH" and accepted:
            self._take_auth(argument)
        elif verb == "RSET":
            self._reset()
        elif verb == "STARTTLS" and accepted:
            self._start_tls()
        elif verb == "QUIT":
            self._flush()
            self.transport.close()

    def _take_content(self):
        if self._buffer.startswith(b".\r\n"):
            end, length = 0, 3
        else:
            end = self._buffer.find(b"\r\n.\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(self._buffer) - 4)
                return False
            end, length = end + 2, 3
        content = bytes(self._buffer[:end])
        del self._buffer[: end + length]
        if content.startswith(b"."):
            content = content[1:]
        content = content.replace(b"\r\n.", b"\r\n")
        self._in_content = False
        self._end_content(content, chunked=False)
        return bool(self._buffer) and not self._silent

    def _take_chunk(self):
        """All of a chunk at once [RFC3030 2]."""
        if len(self._buffer) < self._chunk_left:
            return False
        self._chunks += self._buffer[: self._chunk_left]
        del self._buffer[: self._chunk_left]
        self._chunk_left = None
        if self._last_chunk:
            self._end_content(bytes(self._chunks), chunked=True)
        else:
            self._reply("BDAT", "")
        return bool(self._buffer) and not self._silent

    def _end_content(self, content, chunked):
        message = Message(self._reverse_path, self._forward_paths, content, self._parameters, self,
                          self._recipient_parameters, chunked)
        self._reset()
        self.content = content
        if not self.sink.lmtp:
            taken = message.forward_paths if self._reply("CONTENT", "") else []
        else:  # One reply for each recipient [RFC2033 4.2].
            taken = [path for path in message.forward_paths if self._reply("CONTENT", path)]
        if taken:
            message.forward_paths = taken
            self.messages += 1
            self.sink.take(message)

    def _take_auth(self, argument):
        """PLAIN with an initial response, and LOGIN [RFC4954 4]."""
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
            self.credentials = ("PLAIN", user, password)
            return
        self._out.pop()  # The 235 comes at the end.
        self._login = []
        if initial:
            self._continue_login(initial)
        else:
            self._out.append("334 VXNlcm5hbWU6")

    def _continue_login(self, line):
        self._login.append(base64.b64decode(line).decode())
        if len(self._login) == 1:
            self._out.append("334 UGFzc3dvcmQ6")
            return
        self.credentials = ("LOGIN", *self._login)
        self._login = None
        self._out.append(_DEFAULTS["AUTH"])

    def _start_tls(self):
        self._flush()
        self._buffer.clear()
        self._silent = True
        self.transport.pause_reading()

        async def upgrade():
            try:
                self.transport = await asyncio.get_running_loop().start_tls(
                    self.transport, self, self.sink.tls, server_side=True, ssl_handshake_timeout=10)
            except (OSError, ConnectionError):
                self.closed = True
                return
            self.tls, self._silent = True, False
            self.sink.handshakes += 1
            self.data_received(b"")  # What came with the end of the handshake.

        self._upgrade = asyncio.get_running_loop().create_task(upgrade())

    def _default(self, verb):
        if self.sink.lmtp and verb in ("EHLO", "HELO"):
            return "500 5.5.1 this is LMTP"
        if verb == ("LHLO" if self.sink.lmtp else "EHLO"):
            extensions = list(self.sink.extensions)
            if self.sink.tls and not self.tls:
                extensions.append("STARTTLS")
            return "\n".join(["250 sink.test", *["250 " + line for line in extensions]])
        if verb == "STARTTLS" and (not self.sink.tls or self.tls):
            return "503 5.5.1 not now"
        if verb == "RCPT" and self._reverse_path is None:
            return "503 5.5.1 MAIL first"
        if verb == "BDAT":
            return "250 2.0.0 chunk taken"
        if verb == "DATA" and not self._forward_paths:
            return "503 5.5.1 RCPT first"
        return _DEFAULTS.get(verb, "500 5.5.1 unknown command")

    def _reply(self, verb, argument):
        """Queues the reply. True: the command was accepted."""
        if verb == "BDAT" and argument:
            return True  # The reply comes behind the chunk.
        reply = self.sink.script(self, verb, argument) if self.sink.script else None
        if reply is None:
            reply = self._default(verb)
        if isinstance(reply, bytes):
            self._flush()
            self.transport.write(reply)
            return False
        if reply == CLOSE:
            self._flush()
            self.transport.abort()
            self._silent = True
            return False
        if reply == SILENT:
            self._silent = True
            return False
        lines = reply.split("\n")
        for line in lines[:-1]:
            self._out.append(line[:3] + "-" + line[4:])
        self._out.append(lines[-1])
        if reply.startswith("421"):
            self._flush()
            self.transport.close()
            self._silent = True
        return reply[0] in "23"

    def _flush(self):
        if self._out and not self.transport.is_closing():
            self.transport.write(("\r\n".join(self._out) + "\r\n").encode())
        self._out = []


class Sink:
    """Listens until close(). `script(session, verb, argument)` may return a reply (lines joined by
    LF), octets that are sent as they are, CLOSE, SILENT, or None for the usual reply; its verbs are
    those of SMTP, CONNECT (greeting) and CONTENT (after the final dot, or the last chunk; with `lmtp`
    once for each recipient, which is the argument). It may be changed at any time.

    `unix`: the path of a socket in the place of address and port. `implicit`: TLS from the start."""

    def __init__(self, address="127.0.0.1", port=None, script=None, tls=None,
                 extensions=DEFAULT_EXTENSIONS, listen=True, lmtp=False, unix=None, implicit=False):
        self.host = address
        self.port = None if unix else port or ports.free_port((address,))
        self.unix = unix
        self.lmtp = lmtp
        self.implicit = implicit
        self.script = script
        self.tls = tls
        self.extensions = extensions
        self.messages = []
        self.sessions = []
        self.strays = []  # Command lines with a bare CR or LF.
        self.handshakes = 0
        self._server = None
        self._lock = threading.Lock()
        if listen:
            self.open()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def open(self):
        async def listen():
            loop = asyncio.get_running_loop()
            if self.unix:
                return await loop.create_unix_server(lambda: Session(self), str(self.unix))
            return await loop.create_server(
                lambda: Session(self), self.host, self.port, backlog=1000,
                ssl=self.tls if self.implicit else None)

        self._server = background.run(listen())

    def close(self):
        """Stops listening and drops all connections."""

        async def end():
            self._server.close()
            for session in self.sessions:
                if not session.closed:
                    session.transport.abort()

        if self._server:
            background.run(end())
            self._server = None

    def take(self, message):
        with self._lock:
            self.messages.append(message)

    def wait(self, count=1, seconds=20):
        """The messages, as soon as there are `count`."""
        wait_until(lambda: len(self.messages) >= count,
                   lambda: f"{len(self.messages)} of {count} messages at the sink", seconds)
        return list(self.messages)

    def counts(self):
        """How often each Message-ID came."""
        return collections.Counter(message.message_id for message in list(self.messages))
