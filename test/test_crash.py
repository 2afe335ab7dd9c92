"""kill -9 under load, fifty times: nothing that was acknowledged is lost."""

import crash_tool
from support import binary

ROUNDS = 50 if not binary.is_sanitized() else 15


def test_kill_9_fifty_times_under_load_loses_nothing():
    found = crash_tool.run(crash_tool.Posthaste, ROUNDS, seconds=0.3, sessions=20)
    assert len(found["acknowledged"]) > ROUNDS * 10, "hardly any load"
    assert not found["lost"] and not found["damaged"]
    assert not found["doubled"], "sent twice without an `unknown` event"


def test_the_tool_finds_the_losses_of_a_server_that_replies_before_it_writes():
    found = crash_tool.run(crash_tool.Careless, rounds=5, seconds=0.3, sessions=10)
    assert found["acknowledged"] and found["lost"]
