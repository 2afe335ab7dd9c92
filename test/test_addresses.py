"""What an address means here: aliases, catch-all, plus addressing, postmaster, spellings, safe file
names; at RCPT, at delivery, and as `route` explains it."""

import json

import pytest

from support import messages
from support.smtp import Client, submit
from support.wait import wait_until


@pytest.fixture
def server(make_server, sink):
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    made.domain("home.test", ("Ann", "bob", "carl"))
    made.domain("caught.test", ("dora",), catch_all="Dora@caught.test")
    made.domain("exact.test", ("emil",), plus_addressing=False)
    made.domain("xn--mnchen-3ya.test", ("Franz",))
    made.set(alias=[
        {"address": "Team@home.test", "to": ["ann@home.test", "BOB@home.test", "far@dest.test"]},
        {"address": "everyone@home.test", "to": ["team@home.test", "carl@home.test",
                                                 "ann@home.test"]},
        {"address": "ann@exact.test", "to": ["ann@home.test"]},
        {"address": "bob@home.test", "to": ["bob@home.test", "copy@dest.test"]},
        {"address": "sales@caught.test", "to": ["carl@home.test"]},
        {"address": "m\u00fcller@m\u00fcnchen.test", "to": ["franz@m\u00fcnchen.test"]}])
    return made


def copies(server, sink, addresses, far=()):
    """Waits until exactly one copy is in each of these mailboxes, and at each far address."""
    for address in addresses:
        server.maildir(address).wait()
    if far:
        wait_until(lambda: sorted(path for message in sink.messages
                                  for path in message.forward_paths) == sorted(far),
                   lambda: [message.forward_paths for message in sink.messages])
    server.wait_queue_empty()
    boxes = [path for path in (server.folder / "mail").glob("*/*/new/*")]
    assert sorted(f"{path.parts[-3]}@{path.parts[-4]}" for path in boxes) == sorted(addresses)
    assert sum(len(message.forward_paths) for message in sink.messages) == len(far)


CASES = {
    "an alias is expanded fully": ("team@home.test", ["Ann@home.test", "bob@home.test"],
                                   ["far@dest.test", "copy@dest.test"]),
    "aliases of aliases, each target once": (
        "everyone@home.test", ["Ann@home.test", "bob@home.test", "carl@home.test"],
        ["far@dest.test", "copy@dest.test"]),
    "an alias that names itself keeps a copy": ("bob@home.test", ["bob@home.test"],
                                                ["copy@dest.test"]),
    "an alias in another domain": ("ann@exact.test", ["Ann@home.test"], []),
    "case does not count": ("TEAM@HOME.TEST", ["Ann@home.test", "bob@home.test"],
                            ["far@dest.test", "copy@dest.test"]),
    "plus addressing": ("carl+lists@home.test", ["carl@home.test"], []),
    "plus address of an alias": ("ann+x@home.test", ["Ann@home.test"], []),
    "catch-all": ("nobody@caught.test", ["dora@caught.test"], []),
    "an alias before the catch-all": ("sales@caught.test", ["carl@home.test"], []),
    "a user before the catch-all": ("DORA+x@caught.test", ["dora@caught.test"], []),
    "postmaster before the catch-all": ("postmaster@caught.test", ["postmaster@caught.test"], []),
    "a domain by its A-label": ("franz@xn--mnchen-3ya.test", ["Franz@xn--mnchen-3ya.test"], []),
}


@pytest.mark.contract("6.aliases", "7.case", "2.catch-all", "2.plus-addressing", "7.one-copy")
@pytest.mark.parametrize("recipient, boxes, far", CASES.values(), ids=CASES.keys())
def test_where_an_address_leads(server, sink, recipient, boxes, far):
    server.start()
    submit(server, recipient)
    copies(server, sink, boxes, far)
    delivered = server.events.of("delivered")
    assert len(delivered) == len(boxes) + len(far), "each target is a recipient of its own"


@pytest.mark.contract("5.one-domain")
@pytest.mark.parametrize("recipient", ["franz@m\u00fcnchen.test", "FRANZ@M\u00dcNCHEN.test",
                                       "m\u00fcller@xn--mnchen-3ya.test"])
def test_a_domain_is_one_domain_in_every_spelling(server, sink, recipient):
    server.start()
    submit(server, recipient, mail="SMTPUTF8")
    copies(server, sink, ["Franz@xn--mnchen-3ya.test"])


@pytest.mark.contract("5.unknown-recipient", "2.plus-addressing")
@pytest.mark.parametrize("recipient", ["nobody@home.test", "emil+x@exact.test", "team@caught.tes",
                                       "nobody+ann@home.test"])
def test_what_leads_nowhere_is_unknown(server, recipient):
    server.set(relay={"networks": []})
    server.start()
    with Client(server.port) as client:
        client.ehlo()
        client.envelope("a@b.test")
        reply = client.command(f"RCPT TO:<{recipient}>")
        assert reply.is_("550 5.1.1" if not recipient.endswith(".tes") else "550 5.7.1"), reply


@pytest.mark.contract("6.permission")
def test_anybody_may_write_to_an_alias_that_leads_elsewhere(server, sink):
    """That is for the one who made the alias to say, not for the client."""
    server.set(relay={"networks": []})
    server.start()
    submit(server, "bob@home.test", reverse_path="a@b.test")
    copies(server, sink, ["bob@home.test"], ["copy@dest.test"])


@pytest.mark.contract("6.aliases")
def test_each_target_has_an_outcome_of_its_own(server, sink):
    sink.script = lambda _, verb, argument: "450 4.2.1 later" \
        if verb == "RCPT" and "far@" in argument else None
    server.start()
    submit(server, "team@home.test")
    server.events.wait("deferred", to="far@dest.test")
    for address in ("Ann@home.test", "bob@home.test"):
        server.maildir(address).wait()
    wait_until(lambda: [[r["to"] for r in m["recipients"]] for m in server.queue()]
               == [["far@dest.test"]], lambda: server.queue())


@pytest.mark.contract("7.case")
def test_delivered_to_has_the_mailboxs_own_spelling(server):
    server.start()
    submit(server, "aNN+Detail@HOME.test")
    lines = server.maildir("Ann@home.test").wait()[0].split(b"\n")
    assert lines[1] == b"Delivered-To: Ann@home.test"


@pytest.mark.contract("7.alias-loops")
def test_an_alias_loop_without_a_mailbox_is_refused(make_server, folder):
    server = make_server().domain("home.test", ("ann",))
    server.set(alias=[{"address": "a@home.test", "to": ["b@home.test"]},
                      {"address": "b@home.test", "to": ["a@home.test"]}])
    done = server.run("check")
    if done.returncode == 0:
        server.start()
        with Client(server.port) as client:
            client.ehlo()
            client.envelope("x@y.test")
            reply = client.command("RCPT TO:<a@home.test>")
            assert reply.code // 100 == 5 and reply.enhanced == "5.4.6", reply
    else:
        assert done.returncode == 2 and "alias" in done.stderr and "loop" in done.stderr.lower()


@pytest.mark.contract("6.postmaster")
@pytest.mark.parametrize("spelling", ["postmaster", "POSTMASTER", "PostMaster@home.test"])
def test_postmaster_may_be_an_alias(server, sink, spelling):
    server.set(alias=[{"address": "postmaster@home.test", "to": ["carl@home.test"]}])
    server.start()
    with Client(server.port) as client:
        client.ehlo()
        assert client.mail(messages.simple(), "a@b.test", spelling).code == 250
    copies(server, sink, ["carl@home.test"])


@pytest.mark.contract("6.postmaster")
def test_check_warns_when_nobody_is_postmaster(server):
    done = server.run("check")
    assert done.returncode == 0 and "postmaster@home.test" in done.stdout + done.stderr
    server.set(alias=server.settings["alias"] + [
        {"address": f"postmaster@{name}", "to": ["ann@home.test"]}
        for name in ("home.test", "caught.test", "exact.test", "xn--mnchen-3ya.test")])
    done = server.run("check")
    assert done.returncode == 0 and "postmaster@" not in done.stdout + done.stderr


@pytest.mark.contract("7.safe-names")
@pytest.mark.parametrize("local, name", [
    ('"a/b"', "a%2Fb"), ('".."', None), ('"."', None), ('"../../x"', None), ('".hidden"', None)])
def test_a_local_part_is_encoded_where_it_is_no_safe_file_name(make_server, local, name):
    server = make_server().domain("any.test", recipients="any").start()
    submit(server, f"{local}@any.test")
    server.events.wait("delivered")
    base = server.folder / "mail" / "any.test"
    boxes = [path for path in base.iterdir()]
    assert len(boxes) == 1 and (boxes[0] / "new").is_dir()
    assert not name or boxes[0].name == name
    assert not boxes[0].name.startswith(".")
    assert sorted(path.name for path in (server.folder / "mail").iterdir()) == ["any.test"]


# The route command.


def route(server, *arguments):
    done = server.run("route", *arguments, "--json")
    return done.returncode, json.loads(done.stdout)


@pytest.mark.contract("1.route", "4.route")
def test_route_explains_aliases(server):
    status, found = route(server, "everyone@home.test")
    assert status == 0 and found["outcome"] == "alias"
    leaves = []

    def walk(node):
        assert {"recipient", "outcome", "reply", "steps"} <= set(node), node
        assert all({"what", "why"} <= set(step) for step in node["steps"])
        if node["outcome"] == "alias":
            for target in node["targets"]:
                walk(target)
        else:
            leaves.append((node["outcome"], node["recipient"].lower()))

    walk(found)
    assert sorted(set(leaves)) == [
        ("local", "ann@home.test"), ("local", "bob@home.test"), ("local", "carl@home.test"),
        ("relay", "copy@dest.test"), ("relay", "far@dest.test")]


@pytest.mark.contract("1.route", "4.route")
@pytest.mark.parametrize("arguments, status, outcome, reply", [
    (["ann@home.test"], 0, "local", None),
    (["ANN+x@home.test"], 0, "local", None),
    (["nobody@home.test"], 1, "refused", "550 5.1.1"),
    (["x@dest.test"], 0, "relay", None),
    (["x@dest.test", "--client", "192.0.2.1"], 1, "refused", "550 5.7.1"),
    (["x@dest.test", "--client", "127.0.0.1"], 0, "relay", None),
    (["ann@home.test", "--client", "192.0.2.1"], 0, "local", None),
    (["a..b@home.test"], 1, "refused", "501 5.1.3"),
    (["@a.test,@b.test:ann@home.test"], 0, "local", None),
    (["<@a.test,@b.test:ann@home.test>"], 0, "local", None),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_route_says_what_rcpt_would(server, arguments, status, outcome, reply):
    found_status, found = route(server, *arguments)
    assert (found_status, found["outcome"]) == (status, outcome), found
    if reply:
        assert found["reply"].startswith(reply)
    text = server.run("route", *arguments)
    assert text.returncode == status and text.stdout


@pytest.mark.contract("1.route", "4.route")
def test_route_lists_mx_hosts_in_the_order_of_trial(make_server, dns):
    dns.zone.update({"dest.test": {"MX": [(20, "two.test"), (10, "one.test")]},
                     "one.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
                     "two.test": {"A": ["192.0.2.2"]}, "null.test": {"MX": [(0, ".")]},
                     "fail.test": "SERVFAIL"})
    server = make_server(dns={"servers": [dns.address]}).domain("home.test", ("ann",))
    status, found = route(server, "bob@dest.test")
    assert (status, found["outcome"]) == (0, "relay")
    assert [(host["preference"], host["name"]) for host in found["hosts"]] == [
        (10, "one.test"), (20, "two.test")]
    assert {address.rsplit(":", 1)[0].strip("[]") if address.count(":") in (1, 8) else address
            for address in found["hosts"][0]["addresses"]} >= {"192.0.2.1"}
    text = server.run("route", "bob@dest.test").stdout
    assert "one.test" in text and "192.0.2.2" in text and "10" in text
    for address, outcome, reply in (("x@gone.test", "refused", "5.1.2"),
                                    ("x@null.test", "refused", "5.1.10"),
                                    ("x@fail.test", "deferred", "4.4.3")):
        status, found = route(server, address)
        assert (status, found["outcome"]) == (1, outcome), found
        assert reply in found["reply"]
