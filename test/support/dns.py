"""An authoritative DNS server for tests: answers over UDP what a zone (a dict) says.

    {"a.test": {"MX": [(10, "mx.a.test")]}, "mx.a.test": {"A": ["127.0.0.2"]}}

In the place of the types of a name, or of the list of one type, there may be "NXDOMAIN", "SERVFAIL",
"REFUSED" or "TIMEOUT" (no answer). A null MX is (0, "."). What is not in the zone does not exist.
"""

import asyncio
import ipaddress
import struct

from . import background, ports
import socket

_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 15: "MX", 16: "TXT", 28: "AAAA"}
_CODES = {name: code for code, name in _TYPES.items()}
_RCODES = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}
_CNAMES_MAX = 8


def _name(text):
    out = b""
    for label in text.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def _parse_name(octets, at):
    labels = []
    while octets[at]:
        labels.append(octets[at + 1 : at + 1 + octets[at]].decode("latin-1"))
        at += 1 + octets[at]
    return ".".join(labels).lower(), at + 1


def _data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        return struct.pack("!H", value[0]) + _name(value[1])
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    return _name(value)


class DnsServer:
    """Serves until close(). The zone may be changed at any time; `queries` lists (name, type)."""

    def __init__(self, zone=None, ttl=0):
        self.zone = dict(zone or {})
        self.ttl = ttl
        self.queries = []
        self.port = ports.free_port(kind=socket.SOCK_DGRAM)
        self._transport = background.run(self._open())

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def _open(self):
        server = self

        class Protocol(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, octets, peer):
                answer = server.answer(octets)
                if answer is not None:
                    self.transport.sendto(answer, peer)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Protocol, local_addr=("127.0.0.1", self.port))
        return transport

    def close(self):
        background.loop().call_soon_threadsafe(self._transport.close)

    def _look_up(self, name, kind):
        """The records of an answer, as (owner, type, value), and the response code; or None."""
        records = []
        for _ in range(_CNAMES_MAX):
            types = self.zone.get(name, "NXDOMAIN")
            if isinstance(types, dict):
                if "CNAME" in types and kind != "CNAME":
                    records.append((name, "CNAME", types["CNAME"]))
                    name = types["CNAME"].rstrip(".").lower()
                    continue
                types = types.get(kind, [])
            if types == "TIMEOUT":
                return None
            if isinstance(types, str):
                # A name above one that exists does exist, too [RFC8020].
                below = any(owner.endswith("." + name) for owner in self.zone)
                return records, 0 if types == "NXDOMAIN" and below else _RCODES[types]
            return records + [(name, kind, value) for value in types], 0
        return records, 0

    def answer(self, query):
        if len(query) < 17:
            return None
        name, at = _parse_name(query, 12)
        kind = _TYPES.get(struct.unpack("!H", query[at : at + 2])[0], "?")
        self.queries.append((name, kind))
        found = self._look_up(name, kind)
        if found is None:
            return None
        records, rcode = found
        answers = b""
        for owner, record_kind, value in records:
            data = _data(record_kind, value)
            answers += _name(owner)
            answers += struct.pack("!HHIH", _CODES[record_kind], 1, self.ttl, len(data)) + data
        authority = b""
        if not any(record_kind == kind for _, record_kind, _ in records):
            soa = _name("ns.test") + _name("hostmaster.test")
            soa += struct.pack("!IIIII", 1, 60, 60, 60, self.ttl)
            top = name.rsplit(".", 1)[-1]
            authority = _name(top) + struct.pack("!HHIH", 6, 1, self.ttl, len(soa)) + soa
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(records),
                                       1 if authority else 0, 0)
        return head + query[12 : at + 4] + answers + authority
