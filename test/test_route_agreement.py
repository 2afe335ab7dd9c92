"""`posthaste route` says what `serve` then does: for generated addresses, clients, users and
reverse-paths, under generated configurations that use every kind of rule."""

import base64
import concurrent.futures
import dataclasses
import json
import pathlib
import random

import pytest

from support import messages, ports, tls
from support.maildir import Maildir
from support.smtp import Client, stuffed, tls_client
from support.wait import wait_until

SEEDS = range(12)
ADDRESSES_EACH = 24  # With 12 seeds: 288.

HOSTS = tuple(f"127.0.0.{number}" for number in range(2, 7))
NOBODY = "127.0.0.9"
TRUSTED, STRANGER, NETWORK = "127.0.0.77", "127.0.0.55", "127.0.0.64/28"
MODES = ("refuse", "strip", "honor")

# What the DNS knows. A number makes a domain one of its own, so that no hop is waited for twice.
KINDS = {
    "mx": {"MX": [(10, "one.host.test"), (20, "two.host.test")]},
    "equal": {"MX": [(10, "one.host.test"), (10, "two.host.test"), (5, "down.host.test")]},
    "implicit": {"A": ["127.0.0.4"]},
    "alias": {"CNAME": "implicit1.test"},
    "null": {"MX": [(0, ".")]},
    "gone": "NXDOMAIN",
    "servfail": "SERVFAIL",
    "refused": "REFUSED",
    "halffail": {"MX": "SERVFAIL", "A": ["127.0.0.4"]},
    "lostmx": {"MX": [(10, "nowhere.host.test")], "A": ["127.0.0.4"]},
    "nothing": {"TXT": ["x"]},
    "ourselves": {"MX": [(10, "mx.posthaste.test"), (20, "two.host.test")]},
    "backup": {"MX": [(5, "three.host.test"), (10, "mx.posthaste.test"), (20, "two.host.test")]},
    "forbidden": {"MX": [(10, "forbidden.host.test"), (20, "two.host.test")]},
    "dead": {"MX": [(10, "down.host.test")]},
}
ZONE = {
    "one.host.test": {"A": ["127.0.0.2"]},
    "two.host.test": {"A": ["127.0.0.9", "127.0.0.3"]},
    "three.host.test": {"A": ["127.0.0.5"]},
    "down.host.test": {"A": ["127.0.0.9"]},
    "forbidden.host.test": {"A": ["127.0.0.6"]},
    "mx.posthaste.test": {"A": ["127.0.0.1"]},
    "nowhere.host.test": {"TXT": ["x"]},
}

LOCALS = ("ann", "ANN", "bob", "Bob+lists", "nobody", "team", "team+x", "both", "postmaster",
          "away", "loop", "closed", '"ann"', '"two words"', "x%mx1.test", "mx1.test!x", "user",
          "m.x_y-z",
          "known", "unknown", "busy", "carl", "carl+d", "mixed")
OURS = ("listed.test", "any.test", "caught.test", "exact.test", "box.test", "program.test",
        "void.test", "lmtp.test", "ask.test", "xn--mnchen-3ya.test", "LISTED.test",
        "m\u00fcnchen.test")
ROUTED = ("smart.test", "several.test", "lmtproute.test", "socket.test", "maildirroute.test",
          "mboxroute.test", "piperoute.test", "discardroute.test", "rejectroute.test",
          "mxroute.test", "below.mx1.test", "deep.below.test", "user.test", "network.test",
          "sender.test")
SENDERS = ("ann@listed.test", "", "news@bulk.test", "x@sub.bulk.test", "bob@far.test")


@dataclasses.dataclass
class Case:
    """One message to one address."""

    address: str
    sender: str
    client: str
    user: str = ""
    found: dict = None  # What `route` says.
    reply: object = None  # The one that refused it, or else the one to the content.
    message_id: str = ""
    mark: str = ""  # Its Message-ID.

    def __str__(self):
        return f"<{self.address}> from <{self.sender}> at {self.user or self.client}"


class Zone(dict):
    """KINDS with any number behind their names, and ZONE."""

    def get(self, name, default=None):
        first = name.split(".")[0].rstrip("0123456789")
        if name in ZONE:
            return ZONE[name]
        if name.count(".") == 1 and first in KINDS:
            return KINDS[first]
        return ZONE["two.host.test"] if name in ROUTED else default


class World:
    """A server with a configuration made of a seed, and everything that it may send mail to."""

    def __init__(self, seed, folder, make_server, make_sink, dns, certificate, password_hash):
        self.source = random.Random(seed)
        self.folder = folder
        self.port = ports.free_port(("127.0.0.1", NOBODY, *HOSTS))
        self.sinks = {host: make_sink(host, self.port) for host in HOSTS}
        self.lmtp = make_sink(lmtp=True, script=self.answer_lmtp)
        self.socket = make_sink(lmtp=True, unix=folder / "lmtp")
        dns.zone = Zone()
        program = folder / "program"
        program.write_text(f"#!/bin/sh\nexec cat > {folder}/piped-$MESSAGE_ID\n")
        program.chmod(0o755)
        self.program = program
        self.mode = MODES[seed % len(MODES)]
        self.server = make_server(
            roles=("mx", "submissions"), tls={"certificate": certificate[0], "key": certificate[1]},
            dns={"servers": [dns.address]}, queue={"retry": ["1h"]},
            relay={"networks": [TRUSTED], "domains": ["mx3.test", "null3.test", "servfail3.test"],
                   "source_routes": self.mode},
            delivery={"port": self.port, "tls": "off", "refuse_networks": ["127.0.0.6/32"]},
            limits={"sessions_per_client": 1000}, route=self.rules(), alias=self.aliases())
        self.domains(password_hash)

    @staticmethod
    def answer_lmtp(_, verb, argument):
        if verb != "RCPT":
            return None
        local = argument.split("<")[1].split("@")[0].lower()
        return {"unknown": "550 5.1.1 who?", "busy": "451 4.3.0 later"}.get(local)

    def domains(self, password_hash):
        def box(name):
            return f"maildir:{self.folder}/{name}/{{domain}}/{{local}}"

        made = [
            {"name": "listed.test", "deliver": box("listed")},
            {"name": "any.test", "deliver": box("any"), "recipients": "any"},
            {"name": "caught.test", "deliver": box("caught"), "catch_all": "carl@caught.test"},
            {"name": "exact.test", "deliver": box("exact"), "plus_addressing": False},
            {"name": "box.test", "deliver": f"mbox:{self.folder}/mbox/{{domain}}/{{local}}"},
            {"name": "program.test", "deliver": f"pipe:{self.program} {{local}}",
             "recipients": "any"},
            {"name": "void.test", "deliver": "discard:", "recipients": "any"},
            {"name": "lmtp.test", "deliver": f"lmtp:{self.lmtp.address}", "recipients": "any"},
            {"name": "ask.test", "deliver": f"lmtp:{self.lmtp.address}", "recipients": "ask"},
            {"name": "xn--mnchen-3ya.test", "deliver": box("umlaut")}]
        self.source.shuffle(made)
        users = [{"address": address, "password": password_hash if index < 2 else ""}
                 for index, address in enumerate((
                     "Ann@listed.test", "bob@listed.test", "carl@caught.test", "ann@exact.test",
                     "ann@box.test", "bob@box.test", "ann@xn--mnchen-3ya.test"))]
        self.server.set(domain=made, user=users)

    def aliases(self):
        made = [
            {"address": "team@listed.test", "to": ["ann@listed.test", "bob@listed.test"]},
            {"address": "both@listed.test", "to": ["ann@listed.test", "x@mx2.test"]},
            {"address": "away@listed.test", "to": ["x@implicit2.test"]},
            {"address": "closed@listed.test", "to": ["x@rejectroute.test"]},
            {"address": "mixed@listed.test", "to": [
                "team@listed.test", "x@gone2.test", "x@servfail2.test", "x@rejectroute.test",
                "carl@caught.test", "x@void.test", "x@smart.test", "x@lmtp.test",
                "nobody@exact.test"]},
            {"address": "team@caught.test", "to": ["both@listed.test", "ann@box.test"]},
            {"address": "both@exact.test",
             "to": ["ann@exact.test", "x@null2.test", "x@dead2.test"]},
            {"address": "bob@exact.test", "to": ["bob+copy@listed.test"]},
            {"address": "ann@any.test", "to": ["ann@any.test", "x@mxroute.test"]}]
        return self.source.sample(made, self.source.randrange(6, len(made) + 1))

    def rules(self):
        """Every kind of target once, in some order, some with more conditions; and some that others
        may stand before."""
        at = dict(zip(("two", "four", "five"), (HOSTS[0], HOSTS[2], HOSTS[3])))
        made = [
            {"recipient": "smart.test", "via": f"smtp://{at['four']}:{self.port}"},
            {"recipient": "several.test",
             "via": f"smtp://127.0.0.9:{self.port},two.host.test:{self.port}"},
            {"recipient": "lmtproute.test", "via": f"lmtp:{self.lmtp.address}"},
            {"recipient": "socket.test", "via": f"lmtp:unix:{self.folder}/lmtp"},
            {"recipient": "maildirroute.test",
             "via": f"maildir:{self.folder}/route/{{domain}}/{{local}}"},
            {"recipient": "mboxroute.test",
             "via": f"mbox:{self.folder}/mboxes/{{domain}}/{{local}}"},
            {"recipient": "piperoute.test", "via": f"pipe:{self.program} {{local}} {{sender}}"},
            {"recipient": "discardroute.test", "via": "discard:"},
            {"recipient": "rejectroute.test", "via": "reject:not to them"},
            {"recipient": "mxroute.test", "via": "mx:"},
            {"recipient": "*.mx1.test", "via": f"smtp://{at['five']}:{self.port}", "lane": "slow"},
            {"recipient": "*.below.test", "via": f"smtp://{at['two']}:{self.port}"},
            {"recipient": "bob@listed.test", "via": f"smtp://{at['four']}:{self.port}"},
            {"recipient": "any.test", "sender": "<>", "via": "discard:"},
            {"recipient": "user@mx4.test", "via": "reject:not this one"},
            {"recipient": "mx5.test", "via": "smtp://gone5.test"},
            {"recipient": "mx6.test", "via": f"smtp://down.host.test:{self.port}"}]
        made = [rule for rule in made if self.source.random() < 0.9]
        for condition in ({"user": "ann@listed.test"}, {"network": NETWORK},
                          {"sender": "bulk.test"}, {"sender": "*.bulk.test"}, {"sender": "<>"},
                          {"user": "*"},
                          {"network": TRUSTED, "sender": "ann@listed.test"}):
            recipient = self.source.choice(("*", "*", "user.test", "network.test", "sender.test",
                                            "listed.test", "*.test", "carl@caught.test"))
            via = self.source.choice(("mx:", f"smtp://{at['five']}:{self.port}",
                                      "reject:conditions", f"lmtp:{self.lmtp.address}", "discard:",
                                      f"maildir:{self.folder}/conditions/{{domain}}/{{local}}"))
            if recipient == "*" and self.source.random() < 0.5:
                continue
            made.append({"recipient": recipient, **condition, "via": via})
        self.source.shuffle(made)
        return made

    # Addresses.

    def cases(self):
        made = [self.case(number) for number in range(ADDRESSES_EACH)]
        for number, case in enumerate(made):
            case.mark = f"<{number}@agreement.test>"
        return made

    def case(self, number):
        source = self.source
        local = source.choice(LOCALS)
        domain = source.choice(source.choice((OURS, OURS, ROUTED, tuple(KINDS), ("[127.0.0.5]",))))
        if domain in KINDS:
            domain += f"{source.choice((1, 2, 3, 4, 5, 6, 10 + number))}.test"
        address = f"{local}@{domain}"
        if source.random() < 0.05:
            address = source.choice((
                "postmaster", "POSTMASTER", "a..b@listed.test", "nobody", "ann@listed.test.",
                "ann@", "x@-a.test", f"{'x' * 256}@any.test"))
        if source.random() < 0.25 and "@" in address:
            hosts = source.choices(("listed.test", "mx.posthaste.test", "mx1.test", "any.test",
                                    "smart.test", "implicit2.test", "null1.test", "[127.0.0.5]"),
                                   k=source.randrange(1, 4))
            address = ",".join("@" + host for host in hosts) + ":" + address
        if source.random() < 0.2:
            user = source.choice(("ann", "bob"))
            sender = source.choice((f"{user}@listed.test", f"{user}+x@listed.test", "",
                                    "carl@caught.test"))
            return Case(address, sender, "", f"{user}@listed.test")
        return Case(address, source.choice(SENDERS), source.choice((TRUSTED, TRUSTED, STRANGER)))

    # What `route` says, and what the server does.

    def ask(self, case):
        arguments = ["--user", case.user] if case.user else ["--client", case.client]
        done = self.server.run("route", f"<{case.address}>", "--sender", f"<{case.sender}>",
                               *arguments, "--json", seconds=60)
        case.found = json.loads(done.stdout)
        good = case.found["outcome"] in ("relay", "local", "alias") and "refused" not in outcomes(
            case.found) and "deferred" not in outcomes(case.found)
        assert done.returncode == (0 if good else 1), (str(case), case.found)

    def submit(self, case, context):
        if case.user:
            client = tls_client(self.server.ports["submissions"], context)
        else:
            client = Client(self.server.port, source=case.client)
        with client:
            client.ehlo()
            if case.user:
                words = base64.b64encode(f"\0{case.user}\0open sesame".encode()).decode()
                assert client.command("AUTH PLAIN " + words).code == 235
            utf8 = " SMTPUTF8" if not case.address.isascii() else ""
            case.reply = client.command(f"MAIL FROM:<{case.sender}>{utf8}")
            if case.reply.code == 250:
                case.reply = client.command(f"RCPT TO:<{case.address}>")
            if case.reply.code == 250:
                assert client.command("DATA").code == 354
                before = len(self.server.events.of("received"))
                client.send(stuffed(messages.simple(message_id=case.mark)))
                case.reply = client.reply()
                assert case.reply.code == 250, case.reply
                case.message_id = self.received(before)["id"]
            client.command("QUIT")

    def received(self, before):
        """The event of the message that has just come: reports have no client."""
        return wait_until(lambda: [event for event in self.server.events.of("received")[before:]
                                   if event["client"]], "no event")[0]

    def wait_for_outcomes(self, cases):
        """By message and recipient: what became of each."""
        wanted = {(case.message_id, to.lower()) for case in cases if case.message_id
                  for to in next(event for event in self.server.events.of("received")
                                 if event["id"] == case.message_id)["to"]}

        def all_outcomes():
            found = {}
            for event in self.server.events.all():
                if event["event"] in ("delivered", "deferred", "bounced", "expired", "unknown"):
                    found[event["id"], event["to"].lower()] = event
            for message in self.server.queue():
                for recipient in message["recipients"]:
                    if recipient["last_reply"]:
                        found.setdefault((message["id"], recipient["to"].lower()), {
                            "event": "deferred", "reply": recipient["last_reply"], "host": None,
                            "via": recipient["via"], "address": None})
            return found if wanted <= set(found) else None

        return wait_until(all_outcomes, lambda: "no outcome: " + str(wanted), seconds=40, poll=0.2)


def outcomes(found):
    """Of an answer and all targets in it."""
    return [found["outcome"], *(one for target in found["targets"] for one in outcomes(target))]


def leaves(found):
    return [leaf for target in found["targets"] for leaf in leaves(target)] or [found]


def code_of(reply):
    """Reply code and enhanced code: "550 5.1.1"."""
    return " ".join(reply.split()[:2])


def agreement_at_rcpt(case):
    """None: they agree. Else what is wrong."""
    found = case.found
    said = f"{case.reply.code} {case.reply.text}"
    if case.message_id:
        # A refusal that only DNS or delivery know is a report.
        return None
    if found["outcome"] not in ("refused", "deferred"):
        return f"route says {found['outcome']}, serve says {said}"
    if code_of(found["reply"]) != code_of(said):
        return f"route says {found['reply']}, serve says {said}"
    return None


def is_there(world, case, via):
    """The message has come to where a local target leads."""
    mark = case.mark.encode()
    scheme, _, place = via.partition(":")
    if scheme == "maildir":
        return any(mark in content for content in Maildir(place).messages())
    if scheme == "mbox":
        return mark in pathlib.Path(place).read_bytes()
    if scheme == "pipe":
        return (world.folder / f"piped-{case.message_id}").exists()
    if scheme == "lmtp":
        return any(mark in message.content for message in world.socket.messages)
    return scheme == "discard"


def agreement(world, case, leaf, event):
    """Of one recipient whose message was taken."""
    kind, reply = event["event"], event["reply"]
    told = f"route says {leaf['outcome']} {leaf['via']} {leaf['reply']}; serve: {json.dumps(event)}"
    if leaf["outcome"] in ("refused", "deferred"):
        wanted = "bounced" if leaf["outcome"] == "refused" else "deferred"
        same = kind == wanted and code_of(leaf["reply"]).split()[-1] == code_of(reply).split()[-1]
        return None if same else told
    if leaf["outcome"] == "local" and not leaf["hosts"]:
        same = kind == "delivered" and not event["host"] and is_there(world, case, leaf["via"])
        return None if same else told
    live = [host for host in leaf["hosts"] if set(host["addresses"]) != {NOBODY}]
    if not live:
        return None if kind == "deferred" else told
    best = min(host["preference"] or 0 for host in live)
    allowed = {address for host in live if (host["preference"] or 0) == best
               for address in host["addresses"]} - {NOBODY}
    if event["address"].rsplit(":", 1)[0] not in allowed:
        return told
    if leaf["outcome"] == "local":  # LMTP: the server behind says what becomes of it.
        return None if kind in ("delivered", "deferred", "bounced") else told
    return None if kind == "delivered" else told


def paths_of(case, event_keys):
    return [to for message_id, to in event_keys if message_id == case.message_id]


def disagreements(world, cases, outcomes_found):
    wrong = []
    for case in cases:
        problem = agreement_at_rcpt(case)
        if problem:
            wrong.append(f"{case}: {problem}")
        if not case.message_id:
            continue
        reached = paths_of(case, outcomes_found)
        if len(reached) == 1 and len(leaves(case.found)) == 1:
            pairs = [(leaves(case.found)[0], reached[0])]
        else:
            pairs = [(leaf, leaf["recipient"].lower()) for leaf in leaves(case.found)]
            if {to for _, to in pairs} != set(reached):
                wrong.append(f"{case}: route: {[to for _, to in pairs]}, serve: {reached}")
                continue
        for leaf, to in pairs:
            problem = agreement(world, case, leaf, outcomes_found[case.message_id, to])
            if problem:
                wrong.append(f"{case}: {to}: {problem}")
    return wrong


@pytest.mark.contract("1.route", "4.route")
@pytest.mark.parametrize("seed", SEEDS)
def test_route_says_what_serve_does(folder, make_server, make_sink, dns, certificate, authority,
                                    password_hash, seed):
    world = World(seed, folder, make_server, make_sink, dns, certificate, password_hash)
    cases = world.cases()
    world.server.start()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(world.ask, cases))
    context = tls.client_context(authority)
    for case in cases:
        world.submit(case, context)
    wrong = disagreements(world, cases, world.wait_for_outcomes(cases))
    assert not wrong, "\n" + "\n".join(wrong)
    taken = [case for case in cases if case.message_id]
    assert 2 <= len(taken) < len(cases), "not all is refused, nor taken"
