"""Under load every message arrives, once, and unchanged: smtp-source, Posthaste, smtp-sink."""

import re
import shutil
import subprocess

from support import load, messages, ports
from support.wait import wait_until

COUNT = 20_000
SESSIONS = 100


def relay_to(server, port):
    server.set(relay={"networks": ["127.0.0.0/8"]},
               limits={"sessions_per_client": 2 * SESSIONS},
               route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{port}"}],
               delivery={"tls": "off"})
    return server.start()


def tool(name):
    return shutil.which(name) or f"/usr/sbin/{name}"


def test_smtp_source_to_smtp_sink(make_server, folder):
    sink_port = ports.free_port()
    counted = folder / "counted"
    with open(counted, "wb") as out:
        sink = subprocess.Popen([tool("smtp-sink"), "-c", "-m", "1000", "-u", "nobody",
                                 f"127.0.0.1:{sink_port}", "1000"], stdout=out,
                                stderr=subprocess.DEVNULL)
    try:
        server = relay_to(make_server(), sink_port)
        subprocess.run([tool("smtp-source"), "-s", str(SESSIONS), "-l", "1024", "-m", str(COUNT),
                        "-d", "-f", "ann@client.test", "-t", "bob@far.test",
                        f"127.0.0.1:{server.port}"], check=True, capture_output=True)
        wait_until(lambda: server.queue() == [], "the queue is not empty", 40)

        def arrived():
            numbers = re.findall(rb"mesg=(\d+)", counted.read_bytes()[-4096:])
            return int(numbers[-1]) if numbers else 0

        wait_until(lambda: arrived() == COUNT, lambda: f"{arrived()} of {COUNT} arrived", 10)
        assert len(server.events.of("received")) == COUNT
        assert len(server.events.of("delivered")) == COUNT
    finally:
        sink.terminate()
        sink.wait()


def test_every_message_arrives_once_with_its_body(make_server, sink):
    server = relay_to(make_server(), sink.port)
    generator = load.start(server.port, "bob@far.test", "load", COUNT, SESSIONS)
    load.finish(generator, COUNT)
    sink.wait(COUNT, 40)
    wanted = dict(messages.numbered("load", number) for number in range(COUNT))
    assert sink.counts() == {message_id: 1 for message_id in wanted}
    for message in sink.messages:
        arrived = messages.digest(messages.without_received(message.content))
        assert arrived == messages.digest(wanted[message.message_id]), message.message_id
