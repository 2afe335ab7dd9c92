"""What `demo` shows, and that it leaves nothing behind, whatever happens."""

import json
import os
import signal
import subprocess

import pytest

from support import binary
from support.server import run
from support.wait import slowness, wait_until

SERVERS = ["a.test", "d.test", "p.test", "u.test", "z.test"]


@pytest.fixture
def env(folder):
    return {**os.environ, "TMPDIR": str(folder)}


@pytest.mark.contract("1.demo", "1.demo.routes")
def test_both_journeys_are_told_hop_by_hop(folder, env):
    done = run("demo", "--json", env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    routed, direct = told["routed"], told["direct"]
    assert routed["forward_path"] == "<@a.test,@d.test,@p.test,@u.test:bob@z.test>"
    assert direct["forward_path"] == "<bob@z.test>"
    assert [hop["server"] for hop in routed["hops"]] == SERVERS
    assert [hop["server"] for hop in direct["hops"]] == ["a.test", "z.test"]
    assert [field["by"] for field in routed["received"]] == SERVERS[::-1]
    assert [field["by"] for field in direct["received"]] == ["z.test", "a.test"]
    assert routed["return_path"] == "<@u.test,@p.test,@d.test,@a.test:alice@a.test>"
    assert direct["return_path"] == "<alice@a.test>"
    assert (routed["connections"], direct["connections"]) == (5, 2)
    assert routed["octets"] > direct["octets"] > 0
    for journey in (routed, direct):
        times = [time for hop in journey["hops"] for time in (hop["received"], hop["done"])]
        assert all(time >= 0 for time in times) and journey["delay"] == times[-1]
        assert [hop["received"] for hop in journey["hops"]] == sorted(
            hop["received"] for hop in journey["hops"])
    assert not list(folder.iterdir())


@pytest.mark.contract("1.demo", "1.demo.routes")
def test_it_fits_on_a_screen(folder, env):
    done = run("demo", env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100 and len(lines) <= 50
    for part in ("source route", "MX", "Received", "octets", "connections", *SERVERS):
        assert part in done.stdout
    assert not list(folder.iterdir())


@pytest.mark.contract("1.demo")
def test_several_run_at_once(folder, env):
    demos = [subprocess.Popen([binary.posthaste(), "demo", "--json"], env=env, cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for demo in demos:
        out, errors = demo.communicate(timeout=60 * slowness())
        assert demo.returncode == 0, errors
        assert len(json.loads(out)["routed"]["hops"]) == 5
    assert not list(folder.iterdir())


@pytest.mark.contract("1.demo")
def test_without_z_it_fails_and_names_the_step(folder, env):
    done = run("demo", "--without-z", env=env, seconds=60)
    assert done.returncode == 1 and not done.stdout
    assert "u.test delivers" in done.stderr and "refused" in done.stderr
    assert not list(folder.iterdir())


@pytest.mark.contract("1.demo")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_interrupts_it_finds_nothing_either(folder, env, stop):
    demo = subprocess.Popen([binary.posthaste(), "demo", "--without-z"], env=env, cwd=folder,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: list(folder.iterdir()) or demo.poll() is not None, "a folder")
    demo.send_signal(stop)
    demo.communicate(timeout=30 * slowness())
    assert demo.returncode == 1
    assert not list(folder.iterdir())


def test_where_no_folder_can_be_made_it_says_so(folder):
    done = run("demo", env={**os.environ, "TMPDIR": str(folder / "missing")})
    assert done.returncode == 1 and "folder" in done.stderr
