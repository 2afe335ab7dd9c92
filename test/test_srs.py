"""Senders of forwarded mail are rewritten, and reports find their way back [SRS]."""

import json
import re

import pytest

from support.smtp import Client, submit
from support.wait import wait_until

FORM = re.compile(r"SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=far\.test=sam@home\.test")


def reload(server):
    before = len(server.events.of("reloaded"))
    server.reload()
    server.events.wait("reloaded", count=before + 1)


@pytest.fixture
def server(make_server, sink):
    made = make_server(delivery={"tls": "off"}, srs={"domain": "home.test"},
                       relay={"domains": ["backup.test"]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    made.domain("home.test", ("ann", "bob"))
    made.set(alias=[{"address": "out@home.test", "to": ["out@dest.test", "bob@home.test"]}])
    return made


def forwarded(sink, count=1):
    wait_until(lambda: len(sink.messages) >= count, lambda: str(sink.messages))
    return sink.messages[count - 1]


def rcpt(server, address):
    with Client(server.port) as client:
        client.ehlo()
        assert client.command("MAIL FROM:<>").code == 250
        return client.command(f"RCPT TO:<{address}>")


def rewritten(server, sink):
    server.start()
    submit(server, "out@home.test", reverse_path="sam@far.test")
    return forwarded(sink).reverse_path


def test_forwarded_mail_has_a_sender_of_ours_and_others_have_their_own(server, sink):
    assert FORM.fullmatch(rewritten(server, sink))
    assert b"Return-Path: <sam@far.test>" in server.maildir("bob@home.test").wait()[0]
    submit(server, "x@backup.test", reverse_path="sam@far.test")
    assert forwarded(sink, 2).reverse_path == "sam@far.test"  # Only relayed.
    submit(server, "out@home.test", reverse_path="ann@home.test")
    assert forwarded(sink, 3).reverse_path == "ann@home.test"  # Of ours.
    submit(server, "out@home.test", reverse_path="")
    assert forwarded(sink, 4).reverse_path == ""
    long = "l" * 60
    submit(server, "out@home.test", reverse_path=f"{long}@far.test")
    assert forwarded(sink, 5).reverse_path == f"{long}@far.test"


def test_a_report_comes_back_to_the_originator(server, sink):
    address = rewritten(server, sink)
    submit(server, address.lower(), reverse_path="")
    back = forwarded(sink, 2)
    assert (back.reverse_path, back.forward_paths) == ("", ["sam@far.test"])


def test_a_report_made_here_goes_straight_to_the_originator(server, sink):
    sink.script = lambda _, verb, argument: "550 5.1.1 gone" if verb == "RCPT" and "out@" in argument else None
    server.start()
    submit(server, "out@home.test", reverse_path="sam@far.test")
    report = forwarded(sink)
    assert (report.reverse_path, report.forward_paths) == ("", ["sam@far.test"])


def test_what_is_rewritten_already_goes_back_to_the_first_host(server, sink):
    server.start()
    submit(server, "out@home.test", reverse_path="SRS0=HHHH=TT=a.test=sam@far.test")
    address = forwarded(sink).reverse_path
    assert re.fullmatch(r"SRS1=[A-Z2-7]{8}=far\.test==HHHH=TT=a\.test=sam@home\.test", address)
    submit(server, address, reverse_path="")
    assert forwarded(sink, 2).forward_paths == ["SRS0=HHHH=TT=a.test=sam@far.test"]


def test_forged_addresses_are_refused(server, sink):
    address = rewritten(server, sink)
    hash_ = address[5:13]
    other = "A" if hash_[0] != "A" else "B"
    for forged in (address.replace(hash_, other + hash_[1:]), address.replace("far.test", "fax.test"),
                   address.replace("sam", "tom"), "SRS0=x@home.test", "SRS1=x=y==z@home.test"):
        assert rcpt(server, forged).is_("550 5.7.1"), forged
    assert rcpt(server, address.replace("home.test", "other.test")).is_("550 5.7.1")
    assert rcpt(server, address).code == 250


def test_expired_addresses_are_refused(server, sink):
    """The secret is written, so that an address of another day can be made here."""
    import base64
    import hashlib
    import hmac
    import time
    secret = "0123456789abcdef0123"
    (server.folder / "secrets").write_text(f"# ours\nanother secret, the first\n{secret}\n")
    server.set(srs={"secret_file": server.folder / "secrets"})
    server.start()
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

    def address(days_ago):
        day = (int(time.time()) // 86400 - days_ago) % 1024
        text = f"{digits[day // 32]}{digits[day % 32]}=far.test=sam"
        digest = hmac.new(secret.encode(), ("SRS0" + text).lower().encode(), hashlib.sha256).digest()
        return f"SRS0={base64.b32encode(digest[:5]).decode()}={text}@home.test"

    assert rcpt(server, address(0)).code == 250
    assert rcpt(server, address(20)).code == 250
    assert rcpt(server, address(23)).is_("550 5.1.1")


def test_the_secret_survives_a_restart_and_is_for_its_owner(server, sink):
    address = rewritten(server, sink)
    key = server.data_dir / "srs.key"
    assert key.stat().st_mode & 0o077 == 0
    server.restart()
    assert rcpt(server, address).code == 250


def test_it_can_be_switched_on_by_a_reload(server, sink):
    server.set(srs=None)
    server.start()
    submit(server, "out@home.test", reverse_path="sam@far.test")
    assert forwarded(sink).reverse_path == "sam@far.test"
    assert rcpt(server, "SRS0=x@home.test").is_("550 5.1.1")
    server.set(srs={"domain": "home.test"})
    reload(server)
    submit(server, "out@home.test", reverse_path="sam@far.test")
    address = forwarded(sink, 2).reverse_path
    assert FORM.fullmatch(address)
    wait_until((server.data_dir / "srs.key").exists, "a secret")
    server.restart()
    assert rcpt(server, address).code == 250


def test_route_explains_it(server, sink):
    address = rewritten(server, sink)
    shown = json.loads(server.run("route", "out@home.test", "--sender", "sam@far.test",
                                  "--json").stdout)
    far = next(target for target in shown["targets"] if target["recipient"] == "out@dest.test")
    assert any("SRS0=" in step["why"] for step in far["steps"])
    shown = json.loads(server.run("route", address, "--client", "192.0.2.1", "--json").stdout)
    assert any("sam@far.test" in step["why"] for step in shown["steps"])
    assert shown["outcome"] == "relay"
    forged = address.replace("sam", "tom")
    done = server.run("route", forged, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["reply"].startswith("550 5.7.1")
