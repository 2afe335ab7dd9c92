"""HTTP at admin.address: figures for Prometheus, health, and what it does with bad requests."""

import http.client
import pathlib
import re
import socket

import pytest

from support import ports
from support.smtp import submit
from support.wait import wait_until


@pytest.fixture
def server(make_server, sink):
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1h"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    made.admin = ports.free_port()
    made.set(admin={"address": f"127.0.0.1:{made.admin}"})
    return made.domain("home.test", ("ann",)).start()


def get(server, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.admin, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def metrics(server):
    response, body = get(server, "/metrics")
    assert response.status == 200
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in body.splitlines() if line and not line.startswith("#")}


NAMES = ("posthaste_messages_received_total", "posthaste_messages_delivered_total",
         "posthaste_messages_bounced_total", "posthaste_attempts_deferred_total",
         "posthaste_queue_messages")


@pytest.mark.contract("9.metrics")
def test_every_name_is_there_from_the_start_in_the_format_of_prometheus(server):
    response, body = get(server, "/metrics")
    assert response.getheader("Content-Type").startswith("text/plain; version=0.0.4")
    assert body.endswith("\n")
    for line in body.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) [a-z_:]+ .+|[a-z_:]+(\{[^{}]*\})? [0-9.e+-]+", line), line
    for name in NAMES:
        kind = "gauge" if name == "posthaste_queue_messages" else "counter"
        assert f"# TYPE {name} {kind}" in body and f"# HELP {name} " in body
        assert metrics(server)[name] == 0


@pytest.mark.contract("9.metrics")
def test_figures_follow_what_happens(server, sink):
    replies = {"later": "451 4.3.0 later", "no": "550 5.1.1 no"}
    sink.script = lambda _, verb, argument: next(
        (reply for word, reply in replies.items() if verb == "RCPT" and f"<{word}@" in argument),
        None)
    submit(server, "ok@dest.test")
    submit(server, "later@dest.test")
    submit(server, "no@dest.test")
    server.events.wait("bounced")
    server.events.wait("deferred")
    server.events.wait("delivered", 2)  # The report, too.
    wait_until(lambda: metrics(server)["posthaste_queue_messages"] == 1, lambda: metrics(server))
    found = metrics(server)
    assert found["posthaste_messages_bounced_total"] == 1
    assert found["posthaste_attempts_deferred_total"] == 1
    assert found["posthaste_messages_delivered_total"] >= 1
    assert found["posthaste_messages_received_total"] in (3, 4)


@pytest.mark.contract("9.healthz")
def test_health(server):
    response, _ = get(server, "/healthz")
    assert response.status == 200
    response, body = get(server, "/healthz", "HEAD")
    assert response.status == 200 and not body


@pytest.mark.contract("9.unknown-path")
@pytest.mark.parametrize("path", ["/nothing", "/metrics/x", "/healthz/../etc/passwd", "/%00",
                                  "/metricsx", "//metrics", "/api/v1/nothing"])
def test_unknown_paths_are_404(server, path):
    assert get(server, path)[0].status in (404, 400)
    assert get(server, "/nothing")[0].status == 404


@pytest.mark.contract("9.unknown-path")
def test_other_methods_change_nothing(server):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert get(server, "/metrics", method)[0].status in (404, 405, 501)


@pytest.mark.contract("9.robust")
@pytest.mark.parametrize("octets", [
    b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"\x16\x03\x01\0\0",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
    b"EHLO x\r\nMAIL FROM:<a@b.test>\r\n"], ids=range(8))
def test_bad_requests_are_refused_and_do_no_harm(server, octets):
    before = server.memory()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.admin), 10) as client:
            try:
                client.sendall(octets)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(65536)
            except OSError:
                answer = b""
            assert not answer or answer.startswith(b"HTTP/1.")
            # A body that never ends does not hinder the answer to a GET.
            assert b" 200 " not in answer[:20] or octets.startswith(b"GET /metrics HTTP/1.1")
    assert get(server, "/healthz")[0].status == 200
    assert server.memory() - before < 20 * 1024 * 1024


@pytest.mark.contract("9.robust")
def test_clients_that_say_nothing_do_not_hold_up_others_or_mail(server):
    held = [socket.create_connection(("127.0.0.1", server.admin), 10) for _ in range(300)]
    submit(server, "ann@home.test")
    server.maildir("ann@home.test").wait()
    for client in held:
        client.close()
    wait_until(lambda: get(server, "/healthz")[0].status == 200, "not served again")


@pytest.mark.contract("2.admin")
def test_an_empty_address_is_off(make_server):
    """Nothing listens but the mx listener."""
    server = make_server().start()
    inodes = set()
    for fd in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            target = str(fd.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    listening = [line.split() for name in ("tcp", "tcp6")
                 for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    own = [int(line[1].rsplit(":", 1)[1], 16) for line in listening
           if line[3] == "0A" and line[9] in inodes]
    assert own == [server.port]
