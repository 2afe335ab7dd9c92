"""kill -9 under load, fifty times: nothing that was acknowledged is lost."""

import collections
import random
import re
import time

import crash_tool
from support import binary, messages
from support.wait import wait_until

ROUNDS = 50 if not binary.is_sanitized() else 15


def test_kill_9_fifty_times_under_load_loses_nothing():
    found = crash_tool.run(crash_tool.Posthaste, ROUNDS, seconds=0.3, sessions=20)
    assert len(found["acknowledged"]) > ROUNDS * 10, "hardly any load"
    assert not found["lost"] and not found["damaged"]
    assert not found["doubled"], "sent twice without an `unknown` event"


def test_kill_9_during_deliveries_into_a_maildir_neither_loses_nor_doubles(make_server):
    """A repeated delivery replaces its file; `new` never shows an incomplete one."""
    server = make_server(queue={"retry": ["1s"]}).domain("dest.test", ("bob",))
    acknowledged = {}
    for number in range(ROUNDS // 5):
        server.start()
        load = crash_tool.Load(server.port, 10, f"maildir{number}")
        load.start()
        time.sleep(random.uniform(0.1, 0.4))
        wait_until(lambda: load.open > 0, "no open transaction", poll=0.0001)
        server.kill()
        load.finish()
        for count, digest in load.acknowledged:
            acknowledged[messages.numbered(load.prefix, count)[0]] = digest
    server.start()
    server.wait_queue_empty(retry=True)
    found = collections.Counter()
    for content in server.maildir("bob@dest.test").messages():
        original = content[content.index(b"\nFrom: ann@client.test\n") + 1 :]
        message_id = re.search(rb"^Message-ID: (\S+)", original, re.M)[1].decode()
        found[message_id] += 1
        if message_id in acknowledged:
            digest = messages.digest(original.replace(b"\n", b"\r\n"))
            assert digest == acknowledged[message_id], message_id
    assert acknowledged and acknowledged.keys() <= found.keys()
    assert max(found.values()) == 1


def test_the_tool_finds_the_losses_of_a_server_that_replies_before_it_writes():
    found = crash_tool.run(crash_tool.Careless, rounds=5, seconds=0.3, sessions=10)
    assert found["acknowledged"] and found["lost"]
