"""An SMTP client that sends exactly the octets it is told to, and reads whole replies."""

import socket
import ssl

from . import messages


class Reply:
    def __init__(self, lines):
        self.lines = lines
        self.code = int(lines[-1][:3])

    @property
    def text(self):
        return "\n".join(line[4:] for line in self.lines)

    @property
    def enhanced(self):
        return self.lines[0][4:].split(" ", 1)[0]

    def is_(self, *starts):
        """Begins with one of these: "550 5.1.1", or "550"."""
        return self.lines[0].startswith(starts) or \
            f"{self.code} {self.text}".startswith(starts)

    def __repr__(self):
        return "\n".join(self.lines)


class Closed(Exception):
    """The server has closed the connection."""


class Client:
    def __init__(self, port, host="127.0.0.1", seconds=20, source=None, greeted=True):
        address = (source, 0) if source else None
        self.socket = socket.create_connection((host, port), seconds, address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.greeting = self.reply() if greeted else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets if isinstance(octets, bytes) else octets.encode())

    def line(self):
        while b"\r\n" not in self._buffer:
            try:
                octets = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLEOFError) as error:
                raise Closed(str(error)) from error
            if not octets:
                raise Closed(f"after {self._buffer!r}")
            self._buffer += octets
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return Reply(lines)

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def all_replies(self):
        """Every reply until the server closes."""
        out = []
        try:
            while True:
                out.append(self.reply())
        except Closed:
            return out

    def command(self, line):
        self.send(line.encode() + b"\r\n" if isinstance(line, str) else line + b"\r\n")
        return self.reply()

    def is_closed(self):
        """Waits for the end of the connection: True if nothing comes before it."""
        try:
            self.line()
        except Closed:
            return True
        return False

    def ehlo(self, name="client.test"):
        return self.command(f"EHLO {name}")

    def envelope(self, reverse_path, *forward_paths, parameters=""):
        replies = [self.command(f"MAIL FROM:<{reverse_path}>{parameters}")]
        replies += [self.command(f"RCPT TO:<{path}>") for path in forward_paths]
        assert all(reply.code == 250 for reply in replies), replies

    def mail(self, content, reverse_path, *forward_paths, parameters=""):
        """A whole transaction; dots are stuffed here. Returns the reply to the content."""
        self.envelope(reverse_path, *forward_paths, parameters=parameters)
        assert self.command("DATA").code == 354
        self.send(stuffed(content))
        return self.reply()

    def start_tls(self, context, name="localhost"):
        assert self.command("STARTTLS").code == 220
        self.wrap(context, name)

    def wrap(self, context, name="localhost"):
        assert not self._buffer, "octets before the handshake"
        self.socket = context.wrap_socket(self.socket, server_hostname=name)


def tls_client(port, context, name="localhost", seconds=20):
    """A client whose connection begins in TLS."""
    client = Client(port, seconds=seconds, greeted=False)
    client.wrap(context, name)
    client.greeting = client.reply()
    return client


def stuffed(content):
    """Content with CRLF line ends as DATA carries it, with the end."""
    content = content.encode() if isinstance(content, str) else content
    if content.startswith(b"."):
        content = b"." + content
    content = content.replace(b"\r\n.", b"\r\n..")
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    return content + b".\r\n"


def submit(server, *recipients, reverse_path="ann@home.test", content=None, mail="", port=None,
           source=None):
    """Sends one message in a session of its own; a recipient may be (address, parameters). Returns
    the reply to the content."""
    with Client(port or server.port, source=source) as client:
        client.ehlo()
        reply = client.command(f"MAIL FROM:<{reverse_path}> {mail}".rstrip())
        assert reply.code == 250, reply
        for recipient in recipients:
            address, parameters = (recipient, "") if isinstance(recipient, str) else recipient
            reply = client.command(f"RCPT TO:<{address}> {parameters}".rstrip())
            assert reply.code == 250, reply
        assert client.command("DATA").code == 354
        client.send(stuffed(content if content is not None else messages.simple()))
        reply = client.reply()
        assert reply.code == 250, reply
        client.command("QUIT")
    return reply
