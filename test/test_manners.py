"""Manners under load: limits on sessions and errors, slow clients, slow and dead next hops."""

import threading
import time

import pytest

from support import background, load, messages, tls
from support.sink import SILENT
from support.smtp import Client, Closed, stuffed, submit, tls_client
from support.wait import slowness, wait_until


def turned_away(port, source=None):
    try:
        with Client(port, source=source) as client:
            return client.greeting.code == 421
    except (Closed, OSError):
        return True


@pytest.mark.contract("5.sessions")
def test_many_idle_sessions_leave_room_for_work(make_server):
    server = make_server(limits={"sessions": 400, "sessions_per_client": 300})
    server.domain("home.test", ("ann",)).start()
    idle = [Client(server.port) for _ in range(299)]
    submit(server, "ann@home.test")
    server.maildir("ann@home.test").wait()
    wait_until(lambda: server.events.of("session_closed"), "the session does not end")
    idle.append(Client(server.port))
    assert turned_away(server.port)
    submit(server, "ann@home.test", source="127.0.0.2")
    for client in idle:
        client.close()
    wait_until(lambda: not turned_away(server.port), "ended sessions hold their places")


@pytest.mark.contract("5.sessions")
def test_sessions_that_are_turned_away_do_not_use_the_server_up(make_server):
    server = make_server(limits={"sessions": 2}).domain("home.test", ("ann",)).start()
    held = [Client(server.port), Client(server.port)]
    for _ in range(300):
        assert turned_away(server.port)
    for client in held:
        client.ehlo()
        assert client.mail(messages.simple(), "x@far.test", "ann@home.test").code == 250


@pytest.mark.contract("2.idle-timeout")
@pytest.mark.parametrize("begin", [
    b"", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<a@b.test>\r\n",
    b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ann@home.test>\r\nDATA\r\nhalf a line",
    b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ann@home.test>\r\nBDAT 100\r\nhalf"],
    ids=["greeting", "EHLO", "MAIL", "content", "chunk"])
def test_silence_ends_a_session_in_every_state(make_server, begin):
    server = make_server(limits={"idle_timeout": "1s"}).domain("home.test", ("ann",)).start()
    with Client(server.port) as client:
        client.send(begin)
        replies = client.all_replies()
    assert replies[-1].code == 421, replies
    assert not server.events.of("received")


@pytest.mark.contract("2.idle-timeout")
def test_single_octets_do_not_keep_a_session_alive(make_server):
    server = make_server(limits={"idle_timeout": "1s"}).start()
    with Client(server.port) as client:
        client.socket.settimeout(0.2)
        end = time.monotonic() + 10 * slowness()
        closed = False
        while not closed and time.monotonic() < end:
            try:
                client.send(b"x")
                octets = client.socket.recv(1000)
                closed = octets.startswith(b"421") or not octets
            except TimeoutError:
                pass
            except OSError:
                closed = True
    assert closed


@pytest.mark.contract("2.idle-timeout")
def test_a_client_that_reads_nothing_costs_a_bounded_amount(make_server):
    """It sends commands and takes no replies; others are served, and it is cut off."""
    server = make_server(limits={"idle_timeout": "2s"}).domain("home.test", ("ann",)).start()
    before = server.memory()
    with Client(server.port) as client:
        client.socket.settimeout(1)
        try:
            for _ in range(10_000):
                client.send(b"EHLO x\r\n" * 1000)
        except OSError:
            pass
        submit(server, "ann@home.test")
        assert server.memory() - before < 50 * 1024 * 1024
    server.events.wait("session_closed", 2, seconds=30)


@pytest.mark.contract("5.abuse")
@pytest.mark.parametrize("line", ["NOOP", "RSET", "VRFY x", "MAIL FROM:<a@b.test>|RSET"])
def test_endless_commands_without_mail_are_cut_off(make_server, line):
    server = make_server().start()
    lines = line.split("|")
    with Client(server.port) as client:
        client.ehlo()
        replies = []
        try:
            for number in range(20_000):
                replies.append(client.command(lines[number % len(lines)]))
        except (Closed, OSError):
            pass
    assert len(replies) < 20_000
    assert all(reply.code in (250, 252, 503) for reply in replies[:-1])
    assert replies[-1].code in (250, 252, 421, 503)
    assert not turned_away(server.port)


@pytest.mark.contract("5.abuse")
def test_a_session_of_many_messages_is_not_taken_for_abuse(make_server):
    server = make_server(queue={"durability": "memory"}).domain("home.test", ("ann",)).start()
    with Client(server.port) as client:
        client.ehlo()
        for _ in range(1000):
            assert client.mail(b"Subject: x\r\n\r\n", "x@far.test", "ann@home.test").code == 250
            assert client.command("RSET").code == 250


@pytest.mark.contract("5.abuse")
def test_sixty_wrong_passwords_in_one_session_are_slowed_or_cut(make_server, certificate,
                                                                password_hash):
    server = make_server(roles=("submissions",),
                         tls={"certificate": certificate[0], "key": certificate[1]})
    server.domain("home.test", [{"address": "ann@home.test", "password": password_hash}]).start()
    tried = 0
    with tls_client(server.port, tls.careless_client_context()) as client:
        client.ehlo()
        with pytest.raises((Closed, OSError)):
            for tried in range(60):
                assert client.command("AUTH PLAIN AGFubkBob21lLnRlc3QAeA==").code in (535, 421)
    assert 2 < tried < 60


# Next hops.


def to_hops(make_server, hops, **settings):
    settings.setdefault("delivery", {"tls": "off"})
    return make_server(
        relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1h"]},
        route=[{"recipient": f"{name}.test", "via": f"smtp://{hop.address}"}
               for name, hop in hops.items()], **settings).start()


@pytest.mark.contract("load.slow-hops")
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "CONTENT"])
def test_a_thousand_messages_to_a_silent_hop_delay_nobody(make_server, make_sink, verb):
    silent = make_sink(script=lambda _, which, __: SILENT if which == verb else None)
    fast = make_sink()
    server = to_hops(make_server, {"silent": silent, "fast": fast})
    process = load.start(server.port, "bob@silent.test", "silent", 1000, 10)
    load.finish(process, 1000)
    start = time.monotonic()
    for number in range(20):
        submit(server, f"bob{number}@fast.test")
    fast.wait(20, seconds=10)
    assert time.monotonic() - start < 5 * slowness()
    assert not silent.messages


@pytest.mark.contract("load.slow-hops")
def test_a_tarpit_takes_its_time_alone(make_server, make_sink):
    """It sends its greeting octet by octet; many wait for it, none of the others."""

    def trickle(session, verb, _):
        if verb != "CONNECT":
            return None

        def octet(count):
            if not session.closed:
                session.transport.write(b"2" if not count else b"2" if count == 1 else
                                        b"0" if count == 2 else b"-")
                background.loop().call_later(0.5, octet, count + 1)

        octet(0)
        return SILENT

    tarpit, fast = make_sink(script=trickle), make_sink()
    server = to_hops(make_server, {"tarpit": tarpit, "fast": fast})
    for _ in range(50):
        submit(server, "bob@tarpit.test")
    for number in range(50):
        submit(server, f"bob{number}@fast.test")
    fast.wait(50, seconds=10)


@pytest.mark.contract("load.slow-hops", "2.connections-per-host")
def test_no_hop_gets_more_connections_than_it_may(make_server, make_sink):
    open_now, most = set(), [0]

    def script(session, verb, _):
        if verb == "CONNECT":
            open_now.difference_update([s for s in open_now if s.closed])
            open_now.add(session)
            most[0] = max(most[0], len(open_now))

    sink = make_sink(script=script)
    server = to_hops(make_server, {"dest": sink}, delivery={"tls": "off", "connections_per_host": 3})
    process = load.start(server.port, "bob@dest.test", "many", 600, 10)
    load.finish(process, 600)
    sink.wait(600)
    assert 1 <= most[0] <= 3


@pytest.mark.contract("1.serve.sigterm")
def test_a_stop_under_load_loses_nothing_and_says_421(make_server, sink):
    server = to_hops(make_server, {"dest": sink})
    accepted, refused = [], []

    def send(name):
        number = 0
        try:
            with Client(server.port) as client:
                client.ehlo()
                while True:
                    message_id, content = messages.numbered(name, number)
                    client.envelope("ann@client.test", "bob@dest.test")
                    if client.command("DATA").code != 354:
                        return
                    client.send(stuffed(content))
                    reply = client.reply()
                    if reply.code != 250:
                        refused.append(reply)
                        return
                    accepted.append(message_id)
                    number += 1
        except (Closed, OSError):
            pass
        except AssertionError as error:
            refused.append(error)

    threads = [threading.Thread(target=send, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(accepted) > 100, "no load")
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert all("421" in str(reply) for reply in refused), refused
    server.start()
    server.wait_queue_empty()
    counts = sink.counts()
    assert set(accepted) <= set(counts)
    assert max(counts.values()) == 1
