"""`lab`: internets described in files, in simulated time."""

import json
import pathlib
import resource
import xml.etree.ElementTree

import pytest

from support.server import run
from support.wait import slowness

EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "examples" / "lab").glob("*.toml"))


@pytest.fixture
def lab(folder):
    """Runs a description that is given as text."""

    def run_lab(text, *arguments, **options):
        (folder / "lab.toml").write_text(text)
        return run("lab", "lab.toml", *arguments, cwd=folder, **options)

    return run_lab


ONE = """
[[server]]
name = "a.test"
[[server.config.domain]]
name = "a.test"
recipients = "any"
deliver = "maildir:/mail/{local}"
[[foreign]]
name = "mx.z.test"
domains = ["z.test"]
personality = "%s"
[[traffic]]
from = "alice@a.test"
to = ["bob@z.test"]
messages = %d
over = "%s"
"""


@pytest.mark.contract("1.lab")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_as_it_expects(example, folder):
    picture = folder / "picture.svg"
    first = run("lab", example, "--svg", picture, "--journeys", "all", seconds=60)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "[expect]" in example.read_text()
    assert "lab-message-1 " in first.stdout
    root = xml.etree.ElementTree.parse(picture).getroot()
    assert root.tag.endswith("svg") and len(list(root.iter())) > 10


def test_all_six_examples_are_there():
    assert {path.stem for path in EXAMPLES} >= {
        "relay-chain", "outage", "greylisting", "loop", "backup-mx", "own-configuration"}


@pytest.mark.contract("1.lab")
def test_one_seed_gives_one_output(folder):
    outage = next(path for path in EXAMPLES if path.stem == "outage")

    def output(seed, *arguments):
        done = run("lab", outage, "--seed", seed, "--svg", folder / "x.svg", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout, (folder / "x.svg").read_text()

    for form in ("--journeys=all", "--json"):
        assert output(7, form) == output(7, form)
        assert output(7, form) != output(8, form)


@pytest.mark.contract("1.lab")
def test_five_days_of_ten_thousand_messages_in_less_than_half_a_minute(lab):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = lab(ONE % ("greylister", 10_000, "5d"), "--json", "--journeys", "3", seconds=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ledger"]["delivered"] == told["ledger"]["sent"] == 10_000
    assert told["simulated_ms"] >= 4 * 86_400_000
    assert len(told["journeys"]) == 3 and told["messages"] == 10_000
    # Of the processor: what else the machine has to do does not count.
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert took < 30 * slowness()


@pytest.mark.contract("1.lab")
def test_what_a_host_forgets_is_lost(lab):
    done = lab(ONE % ("forgets", 3, "1h"), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ledger"]["lost"] == 3 and not told["balances"]
    assert [entry["to"] for entry in told["lost"]] == ["bob@z.test"] * 3


def test_what_is_not_as_expected_is_told(lab):
    done = lab(ONE % ("modern", 3, "1h") + "[expect]\ndelivered = 4\n")
    assert done.returncode == 1
    assert "expected delivered = 4, found 3" in done.stdout


@pytest.mark.contract("1.lab")
def test_the_journeys_of_a_message(lab):
    told = json.loads(lab(ONE % ("greylister", 1, "0s"), "--json").stdout)
    steps = [(step["where"], step["what"]) for step in told["journeys"][0]["steps"]]
    assert steps[0] == ("client", "submitted") or steps[0] == ("a.test", "received")
    assert ("a.test", "deferred") in steps and steps[-1] in (("mx.z.test", "kept"),
                                                             ("a.test", "delivered"))


@pytest.mark.parametrize("text, wanted", [
    (ONE % ("nice", 1, "1h"), "lab.toml:11:15: foreign[1].personality: expected one of"),
    ("[[server]]\nname = 'a.test'\nconfig.hostnam = 'x'\n",
     "lab.toml:3:8: server[1].config.hostnam: unknown key, did you mean \"hostname\"?"),
    ("[[server]]\nname = 'a.test'\nconfig_file = 'none.toml'\n",
     "server[1].config_file: expected a readable file"),
    ("[[server]", "lab.toml:1:"),
])
def test_mistakes_are_told_with_their_places(lab, text, wanted):
    done = lab(text)
    assert done.returncode == 2
    assert wanted in done.stderr
    assert done.stdout == ""


def test_all_mistakes_are_told(lab):
    done = lab("[[link]]\nlatency = 1\n[[outage]]\n[expect]\nx = 1\n")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 4  # And there is no server.


@pytest.mark.parametrize("arguments", [
    [], ["none.toml"], ["x.toml", "--seed", "x"], ["x.toml", "--journeys", "few"],
    ["x.toml", "--config", "f"]])
def test_wrong_usage(arguments, folder):
    (folder / "x.toml").write_text(ONE % ("modern", 1, "0s"))
    assert run("lab", *arguments, cwd=folder).returncode == 2


def test_a_picture_that_cannot_be_written_is_a_failure(lab):
    done = lab(ONE % ("modern", 1, "0s"), "--svg", "none/x.svg")
    assert done.returncode == 1
    assert "none/x.svg" in done.stderr
