"""kill -9 under load: nothing acknowledged is lost."""

import socketserver
import threading
import time

from support import ports
from support.crash import Clients, account
from support.wait import wait_until

KILLS = 50


def test_fifty_kills_under_load_lose_nothing(make_server, sink):
    server = make_server(relay={"networks": ["127.0.0.0/8"]},
                         route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{sink.port}"}],
                         delivery={"tls": "off"}, queue={"retry": ["1s"]})
    server.start()
    clients = Clients(server.port, "bob@far.test")
    for _ in range(KILLS):
        before = len(clients.acknowledged)
        wait_until(lambda: len(clients.acknowledged) > before + 20 and clients.in_flight > 0,
                   "no load", 20)
        server.kill()
        server.start()
    clients.stop()
    wait_until(lambda: server.queue() == [], "the queue is not empty", 30)
    unknown = len(server.events.of("unknown"))
    wrong = account(clients.acknowledged, sink.counts(), unknown)
    assert wrong == []
    assert len(clients.acknowledged) > KILLS * 20


class Forgetful(socketserver.StreamRequestHandler):
    """A server that says 250 at once and stores a little later: what the tool must find out."""

    def handle(self):
        self.wfile.write(b"220 forgetful.test\r\n")
        content = None
        for line in self.rfile:
            if content is not None:
                content += line
                if line == b".\r\n":
                    self.wfile.write(b"250 2.0.0 taken\r\n")
                    self.server.later.append((time.monotonic(), content))
                    content = None
                continue
            content = b"" if line.upper().startswith(b"DATA") else None
            self.wfile.write(b"354 go on\r\n" if content is not None else b"250 2.0.0 ok\r\n")


def test_the_tool_finds_a_server_that_replies_before_it_writes():
    class Threads(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    with Threads(("127.0.0.1", ports.free_port()), Forgetful) as server:
        server.later = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clients = Clients(server.server_address[1], "bob@far.test", threads=2)
        wait_until(lambda: len(clients.acknowledged) > 50, "no load", 20)
        # The moment of the kill: what came within the last 50 ms has not been stored.
        killed = time.monotonic()
        stored = [content for taken, content in list(server.later) if taken < killed - 0.05]
        clients.stop()
        server.shutdown()
    counts = {}
    for content in stored:
        message_id = content.split(b"Message-ID: ")[1].split(b"\r\n")[0].decode()
        counts[message_id] = counts.get(message_id, 0) + 1
    assert account(clients.acknowledged, counts, 0) != []
