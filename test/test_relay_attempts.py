"""A client that may not relay tries to: many spellings of a recipient elsewhere, with source routes
refused, stripped and honoured. Each is refused as it should be, nothing leaves, nothing is queued;
what is meant for a mailbox here, whatever its local-part looks like, stays here."""

import json
import typing

import pytest

from support import messages, ports, tls
from support.dns import DnsServer
from support.server import Server
from support.sink import Sink
from support.smtp import Client, stuffed, tls_client

MODES = ("refuse", "strip", "honor")
DENIED, UNKNOWN, SYNTAX, ROUTED = "550 5.7.1", "550 5.1.1", "501 5.1.3", "550 5.1.3"
BRACKETS, PARAMETER = "501 5.5.4", ("501 5.5.4", "555 5.5.4")
NON_ASCII = ("553 5.6.7", "501")
HERE = "250 2.1.5"  # For a mailbox here, and delivered to that one alone.
LOOP = "550 5.4.6"
TRUSTED = "127.0.0.77"  # Of relay.networks; all others are strangers.
ROWS_EACH = 4


class Row(typing.NamedTuple):
    """What follows RCPT TO:, and the reply with `refuse`, `strip` and `honor`."""

    name: str
    argument: str
    refuse: str
    strip: str
    honor: str
    utf8: bool = False

    def expected(self, mode):
        return getattr(self, mode)


def always(name, argument, reply, utf8=False):
    return Row(name, argument, reply, reply, reply, utf8)


def routed(name, argument, strip=DENIED, honor=None, utf8=False):
    """A well-formed source route: `refuse` looks no further [RFC5321 F.2]."""
    return Row(name, argument, ROUTED, strip, honor or strip, utf8)


def hosts(count):
    return ",".join(f"@h{number}.far.test" for number in range(count))


PLAIN = [
    always("elsewhere", "<victim@far.test>", DENIED),
    always("in capitals", "<VICTIM@FAR.TEST>", DENIED),
    always("our name below theirs", "<victim@home.test.far.test>", DENIED),
    always("below our domain", "<ann@sub.home.test>", DENIED),
    always("our domain with something before it", "<ann@xhome.test>", DENIED),
    always("below a domain that we relay", "<victim@sub.backup.test>", DENIED),
    always("our host name is no domain of mailboxes", "<ann@mx.posthaste.test>", DENIED),
    always("localhost", "<victim@localhost>", DENIED),
    always("plus address elsewhere", "<ann+home.test@far.test>", DENIED),
    always("postmaster elsewhere", "<postmaster@far.test>", DENIED),
    always("no domain", "<victim>", SYNTAX),
    always("null forward-path", "<>", SYNTAX),
    always("dot at the end", "<victim@far.test.>", SYNTAX),
    always("dot at the end of our domain", "<ann@home.test.>", SYNTAX),
    always("dot at the beginning", "<victim@.far.test>", SYNTAX),
]

LITERALS = [
    always("literal of another host", "<victim@[192.0.2.1]>", DENIED),
    always("literal of ours", "<victim@[127.0.0.1]>", DENIED),
    always("known local-part at a literal of ours", "<ann@[127.0.0.1]>", DENIED),
    always("IPv6 literal", "<victim@[IPv6:2001:db8::1]>", DENIED),
    always("IPv6 literal of ours", "<ann@[IPv6:::1]>", DENIED),
    always("IPv4-mapped literal", "<victim@[IPv6:::ffff:192.0.2.1]>", DENIED),
    always("address without brackets", "<victim@192.0.2.1>", DENIED),
    always("literal with octal numbers", "<victim@[0300.0.02.01]>", SYNTAX),
    always("literal of one number", "<victim@[3221225985]>", SYNTAX),
    always("literal of an unknown kind", "<victim@[X25:1234]>", SYNTAX),
    always("name in a literal", "<victim@[far.test]>", SYNTAX),
    always("literal without an end", "<victim@[192.0.2.1>", SYNTAX),
    always("percent at a literal of ours", "<victim%far.test@[127.0.0.1]>", DENIED),
]

PERCENT_AND_BANG = [
    always("percent", "<victim%far.test@home.test>", UNKNOWN),
    always("percent twice", "<victim%far.test%home.test@home.test>", UNKNOWN),
    always("percent at the host name", "<victim%far.test@mx.posthaste.test>", DENIED),
    always("percent behind a known local-part", "<ann%far.test@home.test>", UNKNOWN),
    always("percent and nothing behind", "<victim%@home.test>", UNKNOWN),
    always("percent alone", "<%@home.test>", UNKNOWN),
    always("percent with a literal", "<victim%[192.0.2.1]@home.test>", SYNTAX),
    always("percent elsewhere and back", "<ann%home.test@far.test>", DENIED),
    always("percent without a domain", "<victim%far.test>", SYNTAX),
    always("percent with postmaster", "<postmaster%far.test@home.test>", UNKNOWN),
    always("percent with an alias", "<team%far.test@home.test>", UNKNOWN),
    always("bang", "<far.test!victim@home.test>", UNKNOWN),
    always("bang path through us", "<home.test!far.test!victim@home.test>", UNKNOWN),
    always("bang at the host name", "<far.test!victim@mx.posthaste.test>", DENIED),
    always("bang path without a domain", "<home.test!far.test!victim>", SYNTAX),
    always("bang elsewhere and back", "<home.test!ann@far.test>", DENIED),
    always("bang to a known local-part", "<home.test!ann@home.test>", UNKNOWN),
    always("bang and percent", "<far.test!victim%home.test@home.test>", UNKNOWN),
    always("DECnet", "<far::victim@home.test>", SYNTAX),
    always("X.400", "</S=victim/PRMD=far/@home.test>", UNKNOWN),
    always("equals in the place of @", "<victim=far.test@home.test>", UNKNOWN),
    always("encoded @", "<victim%40far.test@home.test>", UNKNOWN),
    always("encoded percent", "<victim%2540far.test@home.test>", UNKNOWN),
    always("xtext @", "<victim+40far.test@home.test>", UNKNOWN),
    always("encoded word", "<=?us-ascii?q?victim=40far.test?=@home.test>", UNKNOWN),
    always("rewritten sender, not by us", "<SRS0=aaaa=AB=far.test=victim@home.test>", UNKNOWN),
    always("rewritten twice", "<SRS1=aaaa=far.test==aaaa=AB=far.test=victim@home.test>", UNKNOWN),
    always("variable sender", "<ann-victim=far.test@home.test>", UNKNOWN),
    always("gateway syntax", "<victim/far.test@home.test>", UNKNOWN),
]

QUOTED = [
    always("quoted address", '<"victim@far.test"@home.test>', UNKNOWN),
    always("quoted percent", '<"victim%far.test"@home.test>', UNKNOWN),
    always("quoted bang", '<"far.test!victim"@home.test>', UNKNOWN),
    always("quoted route", '<"@home.test:victim@far.test"@home.test>', UNKNOWN),
    always("quoted path", '<"<victim@far.test>"@home.test>', UNKNOWN),
    always("quoted @ with a backslash", '<"victim\\@far.test"@home.test>', UNKNOWN),
    always("quoted end of the path", '<"victim@far.test> NOTIFY=NEVER"@home.test>', UNKNOWN),
    always("quoted list", '<"ann@home.test,victim@far.test"@home.test>', UNKNOWN),
    always("quoted, elsewhere", '<"victim"@far.test>', DENIED),
    always("quoted, without a domain", '<"victim@far.test">', SYNTAX),
    always("backslash without quotes", "<victim\\@far.test@home.test>", SYNTAX),
    always("quote without an end", '<"victim@far.test@home.test>', SYNTAX),
    always("half quoted", '<"victim"%far.test@home.test>', SYNTAX),
    always("quoted NUL", '<"victim@far.test\0"@home.test>', SYNTAX),
    always("quoted program", '<"|/bin/mail victim@far.test"@home.test>', UNKNOWN),
    always("quoted file", '<"/tmp/victim@far.test"@home.test>', UNKNOWN),
    always("quoted include", '<":include:/etc/passwd"@home.test>', UNKNOWN),
]

BROKEN = [
    always("two @", "<victim@far.test@home.test>", SYNTAX),
    always("two @, ours first", "<victim@home.test@far.test>", SYNTAX),
    always("space before the address", "< victim@far.test>", SYNTAX),
    always("space behind the address", "<victim@far.test >", SYNTAX),
    always("space before the @", "<victim @far.test>", SYNTAX),
    always("tab", "<victim@far.test\t@home.test>", SYNTAX),
    always("NUL", "<victim@far.test\0@home.test>", SYNTAX),
    always("comment", "<victim(to us)@far.test>", SYNTAX),
    always("comment in the domain", "<victim@far.test(@home.test)>", SYNTAX),
    always("list", "<ann@home.test,victim@far.test>", SYNTAX),
    always("group", "<us:ann@home.test,victim@far.test;>", SYNTAX),
    always("semicolon", "<ann@home.test;victim@far.test>", SYNTAX),
    always("doubled brackets", "<<victim@far.test>>", SYNTAX),
    always("phrase before the path", "ann <victim@far.test>", BRACKETS),
    always("no brackets", "victim@far.test", BRACKETS),
    always("no right bracket", "<victim@far.test", BRACKETS),
    always("second path", "<ann@home.test><victim@far.test>", BRACKETS),
    always("list of paths", "<ann@home.test>,<victim@far.test>", BRACKETS),
    always("second path as a parameter", "<ann@home.test> <victim@far.test>", PARAMETER),
    always("route as a parameter", "<ann@home.test> VIA=far.test", PARAMETER),
    always("AUTH of another command", "<victim@far.test> AUTH=<ann@home.test>", PARAMETER),
    always("local-part of 300 octets", f"<{'v' * 300}@far.test>", SYNTAX),
    always("label of 64 octets", f"<victim@{'f' * 64}.test>", SYNTAX),
]

ROUTES = [
    routed("through us", "<@home.test:victim@far.test>"),
    routed("through our host name", "<@mx.posthaste.test:victim@far.test>"),
    routed("through us in capitals", "<@HOME.TEST:VICTIM@FAR.TEST>"),
    routed("through the victim's host", "<@far.test:victim@far.test>"),
    routed("through another host", "<@relay.far.test:victim@far.test>"),
    routed("through us and another host", "<@home.test,@relay.far.test:victim@far.test>"),
    routed("through another host and us", "<@relay.far.test,@home.test:victim@far.test>"),
    routed("through both names of ours", "<@home.test,@mx.posthaste.test:victim@far.test>"),
    routed("through us twice", "<@home.test,@home.test:victim@far.test>", DENIED, (DENIED, LOOP)),
    routed("through another host twice", "<@a.far.test,@a.far.test:victim@far.test>", DENIED,
           (DENIED, LOOP)),
    routed("through a domain that we relay", "<@backup.test:victim@far.test>"),
    routed("through a domain that we relay, to it", "<@far.test:victim@sub.backup.test>"),
    routed("through twenty hosts", f"<{hosts(20)}:victim@far.test>"),
    routed("through us and twenty hosts", f"<@home.test,{hosts(20)}:victim@far.test>"),
    routed("through sixty hosts", f"<{hosts(60)}:victim@far.test>"),
    always("through two hundred hosts", f"<{hosts(200)}:victim@far.test>", (SYNTAX, "500 5.5.")),
    routed("through our literal", "<@[127.0.0.1]:victim@far.test>"),
    routed("through another literal", "<@[192.0.2.1]:victim@far.test>"),
    routed("through an IPv6 literal", "<@[IPv6:2001:db8::1]:victim@far.test>"),
    routed("through us to a literal", "<@home.test:victim@[192.0.2.1]>"),
    routed("through us by percent", "<@home.test:victim%far.test@home.test>", UNKNOWN),
    routed("through our host name by percent", "<@mx.posthaste.test:victim%far.test@home.test>",
           UNKNOWN),
    routed("through us by bang", "<@home.test:far.test!victim@home.test>", UNKNOWN),
    routed("through us, quoted", '<@home.test:"victim@far.test"@home.test>', UNKNOWN),
    routed("through us and others by percent", "<@home.test,@far.test:victim%far.test@home.test>",
           UNKNOWN, DENIED),
    routed("through others, to nobody here", "<@far.test:nobody@home.test>", UNKNOWN, DENIED),
    routed("through others, to a mailbox here", "<@far.test:ann@home.test>", HERE, DENIED),
    routed("through us and others, back", "<@home.test,@far.test:ann@home.test>", HERE, DENIED),
    routed("through us, others and us, back to us",
           "<@home.test,@far.test,@mx.posthaste.test:ann@home.test>", HERE, DENIED),
    routed("through us to a mailbox here", "<@home.test:ann@home.test>", HERE),
    routed("through our host name to a mailbox here", "<@mx.posthaste.test:ann@home.test>", HERE),
    routed("through us, plus address", "<@home.test:ann+victim%far.test@home.test>", HERE),
    routed("through us to a catch-all", "<@caught.test:victim%far.test@caught.test>", HERE),
    routed("through others to a catch-all", "<@far.test:victim@caught.test>", HERE, DENIED),
    routed("through others to an alias", "<@far.test:team@home.test>", HERE, DENIED),
]

BROKEN_ROUTES = [
    always("empty route", "<@:victim@far.test>", SYNTAX),
    always("colon alone", "<:victim@far.test>", SYNTAX),
    always("comma at the end", "<@home.test,:victim@far.test>", SYNTAX),
    always("two commas", "<@home.test,,@far.test:victim@far.test>", SYNTAX),
    always("comma at the beginning", "<,@home.test:victim@far.test>", SYNTAX),
    always("no colon", "<@home.test,victim@far.test>", SYNTAX),
    always("second host without @", "<@home.test,far.test:victim@far.test>", SYNTAX),
    always("semicolons", "<@home.test;@far.test:victim@far.test>", SYNTAX),
    always("two routes", "<@home.test:@far.test:victim@far.test>", SYNTAX),
    always("hosts without commas", "<@home.test@far.test:victim@far.test>", SYNTAX),
    always("route alone", "<@home.test,@far.test>", SYNTAX),
    always("route and nothing behind", "<@home.test,@far.test:>", SYNTAX),
    always("route to a bare local-part", "<@home.test:victim>", SYNTAX),
    always("route to the bare postmaster", "<@far.test:postmaster>", SYNTAX),
    always("space behind the comma", "<@home.test, @far.test:victim@far.test>", SYNTAX),
    always("space behind the colon", "<@home.test: victim@far.test>", SYNTAX),
    always("space before the route", "< @home.test:victim@far.test>", SYNTAX),
    always("dot at the end of the host", "<@home.test.:victim@far.test>", SYNTAX),
    always("mailbox in the route", "<ann@home.test:victim@far.test>", SYNTAX),
    always("comment in the route", "<@home.test(us):victim@far.test>", SYNTAX),
    always("percent in the route", "<@home.test%far.test:victim@far.test>", SYNTAX),
    always("port in the route", "<@far.test:25:victim@far.test>", SYNTAX),
    always("quoted host", '<@"home.test":victim@far.test>', SYNTAX),
    always("NUL in the route", "<@home.test\0,@far.test:victim@far.test>", SYNTAX),
    always("route of names of 64 octets", f"<@{'f' * 64}.test:victim@far.test>", SYNTAX),
    always("no right bracket behind a route", "<@home.test:victim@far.test", BRACKETS),
    always("route before the bracket", "@home.test:<victim@far.test>", BRACKETS),
]

INTERNATIONAL = [
    routed("through our A-label", "<@xn--mnchen-3ya.test:victim@far.test>"),
    routed("through our U-label", "<@m\u00fcnchen.test:victim@far.test>", utf8=True),
    routed("through our U-label in capitals", "<@M\u00dcNCHEN.TEST:victim@far.test>", utf8=True),
    always("U-label without SMTPUTF8", "<@m\u00fcnchen.test:victim@far.test>", NON_ASCII),
    always("percent at our U-label", "<victim%far.test@m\u00fcnchen.test>", UNKNOWN, True),
    always("domain of U-labels", "<victim@f\u00e4r.test>", DENIED, True),
    always("domain of U-labels without SMTPUTF8", "<victim@f\u00e4r.test>", NON_ASCII),
    always("wide @", "<victim\uff20far.test@home.test>", UNKNOWN, True),
    always("wide percent", "<victim\uff05far.test@home.test>", UNKNOWN, True),
    always("wide bang", "<far.test\uff01victim@home.test>", UNKNOWN, True),
    always("wide dot", "<victim@far\u3002test>", DENIED, True),
    always("wide letters of our domain are our domain", "<victim@\uff48ome.test>", UNKNOWN, True),
    always("letter that looks like ours", "<ann@h\u043eme.test>", DENIED, True),
    always("overlong @", b"<victim\xc1\x80far.test@home.test>".decode("latin-1"), SYNTAX, True),
]

# Local-parts that look like a way out, and lead to a mailbox here all the same.
STAYS = [
    always("plus address with percent", "<ann+victim%far.test@home.test>", HERE),
    always("plus address with bang", "<ann+far.test!victim@home.test>", HERE),
    always("quoted plus address with a route", '<"ann+@far.test:victim@far.test"@home.test>', HERE),
    always("percent at a catch-all", "<victim%far.test@caught.test>", HERE),
    always("quoted address at a catch-all", '<"victim@far.test"@caught.test>', HERE),
    always("quoted program at a catch-all", '<"|/bin/mail victim"@caught.test>', HERE),
    always("another original recipient", "<ann@home.test> ORCPT=rfc822;victim@far.test", HERE),
]

ROWS = PLAIN + LITERALS + PERCENT_AND_BANG + QUOTED + BROKEN + ROUTES + BROKEN_ROUTES \
    + INTERNATIONAL + STAYS

REVERSE_PATHS = ("", "ann@home.test", "@home.test:ann@home.test", "@far.test,@home.test:x@far.test",
                 "victim%far.test@home.test", "victim@far.test", "ann@[127.0.0.1]")


class Everywhere(dict):
    """A zone in which each name leads to one address."""

    def __init__(self, address):
        super().__init__()
        self.address = address

    def get(self, name, default=None):
        return {"A": [self.address]}


class Place:
    """A server whose every way out, by the DNS or by a smart host, ends at one sink."""

    def __init__(self, folder, certificate, mode, way):
        self.port = ports.free_port(("127.0.0.1", "127.0.0.2"))
        self.sink = Sink("127.0.0.2", self.port)
        self.dns = DnsServer()
        self.dns.zone = Everywhere("127.0.0.2")
        settings = {"route": [{"recipient": "*", "via": f"smtp://{self.sink.address}"}]} \
            if way == "smart host" else {}
        self.server = Server(
            folder, name=f"relay-attempts-{mode}-{way.replace(' ', '-')}",
            roles=("mx", "submission", "submissions", "lmtp"),
            tls={"certificate": certificate[0], "key": certificate[1]},
            relay={"networks": [TRUSTED], "domains": ["backup.test"], "source_routes": mode},
            dns={"servers": [self.dns.address]},
            delivery={"port": self.port, "tls": "off"}, queue={"retry": ["1h"]}, **settings)
        self.server.domain("home.test", ("ann", "bob")).domain("xn--mnchen-3ya.test", ("franz",))
        self.server.domain("caught.test", ("dora",), catch_all="dora@caught.test")
        self.server.set(alias=[{"address": "team@home.test", "to": ["ann@home.test"]}])
        self.server.start()
        self.delivered = 0  # What should have come to mailboxes here.

    def close(self):
        self.server.close()
        self.sink.close()
        self.dns.close()

    def assert_nothing_left(self):
        """What a client sends that may relay comes out behind all else, and alone."""
        before = len(self.sink.messages)
        with Client(self.server.port, source=TRUSTED) as client:
            client.ehlo()
            message_id = f"<{before}@control.test>"
            assert client.mail(messages.simple(message_id=message_id), "ann@home.test",
                               "victim@far.test").code == 250
        self.sink.wait(before + 1)
        self.server.wait_queue_empty()
        came = [message.message_id for message in self.sink.messages]
        assert came == [f"<{number}@control.test>" for number in range(before + 1)]
        assert sum(session.messages for session in self.sink.sessions) == before + 1
        assert all(session.messages for session in self.sink.sessions), "a probe"
        received = [event["to"] for event in self.server.events.of("received")
                    if not event["client"].startswith(TRUSTED)]
        assert len(received) == self.delivered, received
        delivered = self.server.events.wait("delivered", self.delivered + before + 1)
        far = [event for event in delivered if event["host"]]
        assert len(far) == before + 1 and len(delivered) == before + 1 + self.delivered
        assert {event["to"] for event in far} == {"victim@far.test"}
        assert not self.server.events.of("bounced") and not self.server.events.of("deferred")


@pytest.fixture(scope="module")
def places(shared_folder, certificate):
    made = {}

    def place(mode, way="dns"):
        if (mode, way) not in made:
            made[mode, way] = Place(shared_folder, certificate, mode, way)
        return made[mode, way]

    yield place
    for one in made.values():
        one.close()


def octets_of(row):
    if row.name == "overlong @":
        return row.argument.encode("latin-1")
    return row.argument.encode()


SMUGGLED = "MAIL FROM:<x@client.test>\r\nRCPT TO:<victim@far.test>\r\nDATA\r\n"


def attempt(place, row, how, verb="EHLO client.test", port=None):
    """The reply to RCPT. All commands come in one segment; what follows a refused recipient must be
    refused, too, and the content of a chunk is never obeyed."""
    mail = "MAIL FROM:<x@client.test>" + (" SMTPUTF8" if row.utf8 else "")
    head = f"{mail}\r\nRCPT TO:".encode() + octets_of(row) + b"\r\n"
    chunk = (SMUGGLED + ".\r\n").encode()
    with Client(port or place.server.port) as client:
        assert client.command(verb).code == 250
        if how == "BDAT":
            client.send(head + b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
            given, reply, last, after = client.replies(4)
            assert after.code == 250, after
        else:
            client.send(head + b"DATA\r\n")
            given, reply, last = client.replies(3)
            if last.code == 354:
                client.send(stuffed(messages.simple()))
                last = client.reply()
        assert given.code == 250, given
        assert (last.code == 250) == (reply.code == 250), (reply, last)
        assert last.code == 250 or last.is_("503 5.5.1", "554 5.5.1"), last
        assert client.command("QUIT").code == 221
    place.delivered += reply.code == 250
    return reply


def wrong_rows(rows, mode, run):
    """What is not as the table says, as lines to be read."""
    wrong = []
    for row in rows:
        reply = run(row)
        expected = row.expected(mode)
        if not reply.is_(*((expected,) if isinstance(expected, str) else expected)):
            wrong.append(f"{row.name}: RCPT TO:{row.argument[:120]!r}: {reply}, not {expected}")
    return "\n".join(wrong)


@pytest.mark.contract("5.relaying-denied", "5.route-refused", "6.permission", "6.source-routes")
@pytest.mark.parametrize("how", ["DATA", "BDAT"])
@pytest.mark.parametrize("way", ["dns", "smart host"])
@pytest.mark.parametrize("mode", MODES)
def test_a_stranger_cannot_relay(places, mode, way, how):
    place = places(mode, way)
    wrong = wrong_rows(ROWS, mode, lambda row: attempt(place, row, how))
    assert not wrong, "\n" + wrong
    place.assert_nothing_left()


@pytest.mark.contract("5.lmtp-listener", "6.lmtp-ours-only")
@pytest.mark.parametrize("mode", MODES)
def test_nobody_relays_by_lmtp(places, mode):
    """Nor does a client that may relay by mx."""
    place = places(mode)
    wrong = wrong_rows(ROWS, mode, lambda row: attempt(
        place, row, "DATA", "LHLO client.test", place.server.ports["lmtp"]))
    assert not wrong, "\n" + wrong
    with Client(place.server.ports["lmtp"], source=TRUSTED) as client:
        client.command("LHLO client.test")
        client.envelope("x@client.test")
        for path in ("victim@far.test", "@home.test:victim@far.test", "@far.test:victim@far.test"):
            assert client.command(f"RCPT TO:<{path}>").is_(DENIED, ROUTED), path
    place.assert_nothing_left()


@pytest.mark.contract("5.mail-without-auth")
@pytest.mark.parametrize("listener", ["submission", "submissions"])
@pytest.mark.parametrize("mode", MODES)
def test_nobody_submits_without_auth(places, authority, mode, listener):
    """From any network, in TLS or not. A few rows in each session: it counts as abuse."""
    place = places(mode)
    context = tls.client_context(authority)
    port = place.server.ports[listener]
    for start in range(0, len(ROWS), ROWS_EACH):
        with tls_client(port, context) if listener == "submissions" else Client(port) as client:
            client.ehlo()
            for row in ROWS[start:start + ROWS_EACH]:
                client.send(b"MAIL FROM:<ann@home.test>\r\nRCPT TO:" + octets_of(row)
                            + b"\r\nDATA\r\n")
                given, *others = client.replies(3)
                assert given.is_("530 5.7.0"), (row.name, given)
                assert all(400 <= reply.code < 600 for reply in others), (row.name, others)
    with Client(place.server.ports["submission"], source=TRUSTED) as client:
        client.ehlo()
        assert client.command("MAIL FROM:<ann@home.test>").is_("530 5.7.0")
    place.assert_nothing_left()


@pytest.mark.contract("6.permission")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reverse_path", REVERSE_PATHS)
def test_no_reverse_path_permits_anything(places, mode, reverse_path):
    place = places(mode)
    with Client(place.server.port) as client:
        client.ehlo(reverse_path.split("@")[-1] or "home.test")
        client.command(f"MAIL FROM:<{reverse_path}>")
        for path in ("victim@far.test", "@home.test:victim@far.test", "ann%far.test@home.test"):
            assert client.command(f"RCPT TO:<{path}>").code in (503, 550), path
    place.assert_nothing_left()


@pytest.mark.contract("1.route", "6.permission")
@pytest.mark.parametrize("mode", MODES)
def test_route_says_so_before(places, mode):
    """`route --client`, for what fits on a command line."""
    place = places(mode)
    for row in ROUTES[:8] + PERCENT_AND_BANG[:4] + PLAIN[:3]:
        done = place.server.run("route", row.argument, "--client", "127.0.0.1", "--json")
        found, expected = json.loads(done.stdout), row.expected(mode)
        assert found["outcome"] == "refused" and found["reply"].startswith(expected), (row, found)
