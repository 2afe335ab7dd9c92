"""The last leg into Maildirs, next hops that fail and come back, retries, and reports."""

import email
import json
import re
import subprocess

import pytest

from support import messages, ports, tls
from support.sink import CLOSE
from support.smtp import Client
from support.wait import wait_until


def send(server, *recipients, reverse_path="ann@home.test", content=None, count=1):
    """Returns the last reply to a content."""
    with Client(server.port) as client:
        client.ehlo()
        for number in range(count):
            reply = client.mail(content or messages.simple(f"number {number}"), reverse_path,
                                *recipients)
            assert reply.code == 250, reply
        client.command("QUIT")
    return reply


@pytest.fixture
def server(make_server, sink):
    """home.test is here, everything else goes to the sink."""
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1h"]},
                       route=[{"recipient": "gone.test", "via": "discard:"},
                              {"recipient": "*", "via": f"smtp://{sink.address}"}])
    return made.domain("home.test", ("ann", "Bob"))


# The mailbox.


def test_what_a_maildir_holds(server):
    server.start()
    content = ("Return-Path: <old@x.test>\r\nReceived: from a by b; Wed, 01 Jan 2025 00:00:00 "
               "+0000\r\nSubject: \u00fc\r\n\r\n.dot\r\n\r\nlast\r\n").encode()
    send(server, "bob@home.test", reverse_path="ann@client.test", content=content)
    lines = server.maildir("Bob@home.test").wait()[0].split(b"\n")
    assert lines[0] == b"Return-Path: <ann@client.test>"
    assert lines[1] == b"Delivered-To: Bob@home.test"
    assert lines[2].startswith(b"Received: from client.test ([127.0.0.1])")
    rest = b"\n".join(lines[2:])
    received = rest[: rest.index(b"\nReceived: from a by b")].decode()
    event = server.events.of("received")[0]
    assert re.fullmatch(
        r"Received: from client\.test \(\[127\.0\.0\.1\]\)\s+by mx\.posthaste\.test\s.*"
        rf"with ESMTP\s+id {event['id']}\s+for <bob@home\.test>;\s+\w{{3}}, .*", received, re.S)
    # Our field, then what came, but for the Return-Path; LF alone ends lines.
    came = content.replace(b"\r\n", b"\n").split(b"\n", 1)[1]
    assert rest[len(received) + 1 :] == came
    delivered = server.events.wait("delivered")[0]
    assert delivered["host"] is None and delivered["address"] is None
    assert delivered["id"] == event["id"] and delivered["to"].lower() == "bob@home.test"


def test_the_folders_of_a_maildir_are_made_and_nothing_stays_in_tmp(server):
    server.start()
    send(server, "bob@home.test", count=5)
    box = server.maildir("Bob@home.test")
    box.wait(5)
    assert sorted(path.name for path in box.folder.iterdir()) == ["cur", "new", "tmp"]
    wait_until(lambda: not list((box.folder / "tmp").iterdir()), "files stay in tmp")
    assert not list((box.folder / "cur").iterdir())


@pytest.mark.parametrize("recipient, mailbox", [
    ("bob+lists@home.test", "Bob@home.test"), ("BOB@HOME.TEST", "Bob@home.test"),
    ('"bob"@home.test', "Bob@home.test"), ("postmaster", "postmaster@home.test"),
    ("PostMaster@home.test", "postmaster@home.test")])
def test_addresses_lead_to_mailboxes(server, recipient, mailbox):
    server.start()
    send(server, recipient)
    assert f"\nDelivered-To: {mailbox}\n".encode() in server.maildir(mailbox).wait()[0]


def test_a_mailbox_that_is_named_twice_gets_one_copy(server):
    server.start()
    send(server, "bob@home.test", "BOB@home.test", "bob@home.test", "ann@home.test")
    server.maildir("ann@home.test").wait()
    server.wait_queue_empty()
    assert server.maildir("Bob@home.test").count() == 1


def test_a_local_part_is_never_a_path(make_server):
    server = make_server().domain("any.test", recipients="any").start()
    for local in ("..", "../../../x", "a/b", ".hidden", "%2e%2e", "x" * 200):
        quoted = f'"{local}"' if not re.fullmatch(r"[\w%]+", local) else local
        send(server, f"{quoted}@any.test")
    base = server.folder / "mail" / "any.test"
    wait_until(lambda: len(server.events.of("delivered")) == 6, "not all delivered")
    boxes = sorted(path.relative_to(base).parts for path in base.glob("**/new"))
    assert len(boxes) == 6 and all(len(parts) == 2 for parts in boxes), boxes
    assert {path.name for path in server.folder.iterdir()} == {
        "data", "events.log", "mail", "posthaste.toml", "stderr"}
    assert {path.name for path in (server.folder / "mail").iterdir()} == {"any.test"}


def test_a_maildir_that_cannot_be_written_defers(server):
    (server.folder / "mail" / "home.test").mkdir(parents=True)
    (server.folder / "mail" / "home.test" / "Bob").write_text("a file where a folder should be")
    server.start()
    send(server, "bob@home.test", "ann@home.test")
    server.events.wait("deferred")
    server.maildir("ann@home.test").wait()
    recipients = server.queue()[0]["recipients"]
    assert [(r["to"].lower(), r["state"]) for r in recipients] == [("bob@home.test", "deferred")]
    (server.folder / "mail" / "home.test" / "Bob").unlink()
    server.retry()
    server.maildir("Bob@home.test").wait()
    assert server.maildir("ann@home.test").count() == 1


# Next hops.


def test_a_relayed_message_is_whole_and_has_our_received_field_on_top(server, sink):
    server.start()
    content = messages.simple("\u00fc", ".\r\n..\r\n" + "x" * 998 + "\r\n", "<1@x.test>")
    send(server, "Who.Ever+x@dest.test", reverse_path="ann@home.test", content=content)
    message = sink.wait()[0]
    assert message.forward_paths == ["Who.Ever+x@dest.test"]
    assert message.reverse_path == "ann@home.test"
    assert message.content.startswith(b"Received: from client.test ([127.0.0.1])")
    assert messages.without_received(message.content) == content
    assert not sink.strays
    delivered = server.events.wait("delivered")[0]
    assert delivered["via"] == f"smtp://{sink.address}" and delivered["address"] == sink.address
    assert delivered["tls"] is None and delivered["reply"] == "250 2.0.0 taken"
    assert message.session.helo == "mx.posthaste.test" and message.session.extended


def test_a_discarded_message_goes_nowhere(server, sink):
    server.start()
    send(server, "x@gone.test")
    assert server.events.wait("delivered")[0]["via"] == "discard:"
    assert not server.queue() and not sink.messages


def test_several_recipients_go_in_one_transaction(server, sink):
    server.start()
    recipients = [f"r{number}@dest.test" for number in range(50)]
    send(server, *recipients)
    message = sink.wait()[0]
    assert sorted(message.forward_paths) == sorted(recipients)
    server.events.wait("delivered", 50)
    assert len(sink.messages) == 1


def test_connections_are_reused(server, sink):
    server.set(delivery={"connections_per_host": 1, "messages_per_connection": 10})
    server.start()
    send(server, "bob@dest.test", count=25)
    sink.wait(25)
    assert len(sink.sessions) <= 5
    assert max(session.messages for session in sink.sessions) == 10


def test_a_size_is_announced_and_one_that_is_too_large_for_the_next_hop_is_not_sent(server, sink):
    sink.extensions = ("PIPELINING", "SIZE 2000", "8BITMIME")
    server.start()
    send(server, "bob@dest.test")
    assert re.search(r"SIZE=\d+", sink.wait()[0].mail_parameters)
    send(server, "big@dest.test", content=messages.simple("big", "x\r\n" * 1000))
    event = server.events.wait("bounced", to="big@dest.test")[0]
    assert event["dsn"]
    assert "\nStatus: 5.3.4\n" in server.maildir("ann@home.test").wait()[0].decode()
    assert len(sink.messages) == 1


def test_eight_bit_content_for_a_hop_without_8bitmime_is_reported(server, sink):
    sink.extensions = ("PIPELINING",)
    server.start()
    send(server, "bob@dest.test", content=b"Subject: x\r\n\r\n\xe4\r\n")
    server.events.wait("bounced")
    assert "\nStatus: 5.6.3\n" in server.maildir("ann@home.test").wait()[0].decode()
    assert not sink.messages


def test_a_hop_without_pipelining_is_served_step_by_step(server, sink):
    sink.extensions = ("8BITMIME",)
    server.start()
    send(server, "a@dest.test", "b@dest.test", count=3)
    sink.wait(3)


def test_a_hop_without_ehlo_is_greeted_with_helo(server, sink):
    sink.script = lambda session, verb, _: "500 5.5.1 what?" if verb == "EHLO" else None
    server.start()
    send(server, "bob@dest.test")
    message = sink.wait()[0]
    assert not message.session.extended and message.mail_parameters == ""


def test_starttls_is_used_where_it_is_offered(server, sink, certificate):
    sink.tls = tls.server_context(*certificate)
    server.set(delivery={"tls": "opportunistic"})
    server.start()
    send(server, "bob@dest.test")
    assert sink.wait()[0].session.tls
    assert server.events.wait("delivered")[0]["tls"].startswith("TLS")


def test_required_tls_defers_when_there_is_none(server, sink, certificate):
    server.set(delivery={"tls": "require"})
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("deferred")
    assert not sink.messages
    sink.tls = tls.server_context(*certificate)
    server.retry()
    assert sink.wait()[0].session.tls


def test_verified_tls_defers_when_the_certificate_is_not_valid(server, sink, certificate):
    sink.tls = tls.server_context(*certificate)
    server.set(delivery={"tls": "verify"})
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("deferred")
    assert not sink.messages and not server.events.of("bounced")


def test_each_recipient_has_an_outcome_of_its_own(server, sink):
    replies = {"ok": None, "no": "550 5.1.1 nobody", "later": "450 4.2.1 later"}
    sink.script = lambda _, verb, argument: replies[argument[4:].split("@")[0]] \
        if verb == "RCPT" else None
    server.start()
    send(server, "ok@dest.test", "no@dest.test", "later@dest.test")
    assert sink.wait()[0].forward_paths == ["ok@dest.test"]
    server.events.wait("delivered", to="ok@dest.test")
    assert server.events.wait("bounced", to="no@dest.test")[0]["reply"] == "550 5.1.1 nobody"
    later = server.events.wait("deferred", to="later@dest.test")[0]
    assert later["reply"] == "450 4.2.1 later"
    report = server.maildir("ann@home.test").wait()[0].decode()
    wait_until(lambda: [[r["to"] for r in m["recipients"]] for m in server.queue()]
               == [["later@dest.test"]], "others stay queued")
    assert "no@dest.test" in report and "later@dest.test" not in report
    replies["later"] = None
    server.retry()
    assert sink.wait(2)[1].forward_paths == ["later@dest.test"]
    server.wait_queue_empty()


@pytest.mark.parametrize("code", ["452 4.5.3 too many", "552 5.5.3 too many"])
def test_too_many_recipients_for_one_transaction_make_another_at_once(server, sink, code):
    def script(session, verb, _):
        if verb == "MAIL":
            session.count = 0
        if verb != "RCPT":
            return None
        session.count += 1
        return code if session.count > 10 else None

    sink.script = script
    server.start()
    send(server, *[f"r{number}@dest.test" for number in range(35)])
    server.events.wait("delivered", 35)
    assert sorted(len(m.forward_paths) for m in sink.messages) == [5, 10, 10, 10]
    assert not server.events.of("deferred")


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
def test_4yz_is_tried_again(server, sink, verb):
    sink.script = lambda _, which, __: "451 4.3.0 come\n451 4.3.0 back" if which == verb else None
    server.start()
    send(server, "bob@dest.test")
    event = server.events.wait("deferred")[0]
    assert event["reply"].startswith("451 4.3.0 come") and event["to"] == "bob@dest.test"
    assert not server.events.of("bounced")
    sink.script = None
    server.retry()
    assert sink.wait()[0].forward_paths == ["bob@dest.test"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
def test_5yz_is_final_and_the_connection_goes_on(server, sink, verb):
    server.set(delivery={"connections_per_host": 1})
    sink.script = lambda session, which, __: \
        "554 5.6.0 no" if which == verb and not sink.messages and not session.messages else None
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("bounced")
    sink.script = None
    send(server, "carl@dest.test")
    sink.wait()
    assert server.maildir("ann@home.test").wait()[0].count(b"\nFinal-Recipient:") == 1


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_lost_connection_is_deferred(server, sink, verb):
    sink.script = lambda _, which, __: CLOSE if which == verb else None
    server.start()
    send(server, "bob@dest.test")
    # After the final dot nobody can know whether it was taken.
    server.events.wait("unknown" if verb == "CONTENT" else "deferred")
    assert not server.events.of("bounced")
    sink.script = None
    server.retry()
    sink.wait()


def test_mail_for_a_dead_hop_waits_survives_a_restart_and_goes_when_told_to(server, sink):
    sink.close()
    server.start()
    send(server, "a@dest.test", "b@dest.test", content=messages.simple(message_id="<1@x.test>"))
    server.events.wait("deferred", 2)
    before = server.queue()
    assert len(before) == 1 and before[0]["from"] == "ann@home.test"
    assert before[0]["state"] == "deferred" and before[0]["size"] > 100
    for recipient in before[0]["recipients"]:
        assert recipient["state"] == "deferred" and recipient["attempts"] == 1
        assert recipient["via"] == f"smtp://{sink.address}"
        assert recipient["last_reply"] and "refused" in recipient["last_reply"]
        assert re.fullmatch(r"\d{4}-.*Z", recipient["next_attempt"])
    server.restart()
    after = server.queue()
    assert [m["id"] for m in after] == [m["id"] for m in before]
    assert {r["to"] for r in after[0]["recipients"]} == {"a@dest.test", "b@dest.test"}
    sink.open()
    server.retry("--to", "dest.test")
    message = sink.wait()[0]
    assert sorted(message.forward_paths) == ["a@dest.test", "b@dest.test"]
    assert message.message_id == "<1@x.test>"
    server.wait_queue_empty()
    server.restart()
    assert server.queue() == [] and len(sink.messages) == 1


def test_retries_follow_the_schedule(server, sink):
    sink.script = lambda _, verb, __: "451 4.3.0 later" if verb == "RCPT" else None
    server.set(queue={"retry": ["1s", "2s", "1h"]})
    server.start()
    send(server, "bob@dest.test")
    events = server.events.wait("deferred", 3)
    times = [email.utils.datetime.datetime.fromisoformat(e["time"][:-1]) for e in events]
    gaps = [(b - a).total_seconds() for a, b in zip(times, times[1:])]
    assert 0.85 <= gaps[0] <= 2.5 and 1.75 <= gaps[1] <= 4, gaps
    assert server.queue()[0]["recipients"][0]["attempts"] == 3


def test_a_hop_that_comes_back_gets_everything_by_itself(server, sink):
    sink.close()
    server.set(queue={"retry": ["1s"]})
    server.start()
    send(server, "bob@dest.test", count=200)
    server.events.wait("deferred")
    sink.open()
    sink.wait(200)
    server.wait_queue_empty()
    assert max(sink.counts().values()) == 200 or len(sink.messages) == 200


def test_one_dead_hop_gets_one_probe_at_a_time(make_server, make_sink):
    """A queue of many to a dead host costs one attempt at a time, and one event each."""
    sink = make_sink(script=lambda _, verb, __: CLOSE if verb == "CONNECT" else None)
    server = make_server(relay={"networks": ["127.0.0.1"]}, queue={"retry": ["1s"]},
                         route=[{"recipient": "*", "via": f"smtp://{sink.address}"}]).start()
    send(server, "bob@dest.test", count=100)
    server.events.wait("deferred", 100)
    start = len(sink.sessions)
    wait_until(lambda: len(sink.sessions) >= start + 2, "no probes")
    assert len(sink.sessions) - start <= 10
    assert len(server.events.of("deferred")) == 100


def test_a_slow_hop_does_not_hold_up_others(make_server, make_sink):
    slow = make_sink(script=lambda _, verb, __: "silent" if verb == "MAIL" else None)
    fast = make_sink()
    server = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         route=[{"recipient": "slow.test", "via": f"smtp://{slow.address}"},
                                {"recipient": "*", "via": f"smtp://{fast.address}"}]).start()
    send(server, "bob@slow.test", count=50)
    send(server, "bob@fast.test", count=50)
    fast.wait(50, seconds=10)
    assert not slow.messages


def test_a_stop_during_a_delivery_finishes_what_is_in_flight(server, sink):
    server.start()
    send(server, "bob@dest.test", count=300)
    assert server.stop() == 0
    first = len(sink.messages)
    server.start()
    sink.wait(300)
    server.wait_queue_empty()
    assert len(sink.messages) == 300, f"{first} before the stop"


MIB = 1024 * 1024


def of_size(octets, message_id):
    """A content of this length, of which no part is like another."""
    head = messages.simple("size", "", message_id)
    lines = "".join(f"{number:098}\r\n" for number in range((octets - len(head)) // 100)).encode()
    return head + lines + b"y" * (octets - len(head) - len(lines) - 2) + b"\r\n"


def test_large_messages_survive_a_kill_and_arrive_whole(server, sink):
    """Around 1 MiB content moves from the log into a file of its own."""
    sink.close()
    server.start()
    sizes = [MIB - 1000, *range(MIB - 2, MIB + 3), MIB + 1000, 5 * MIB, 20 * MIB]
    contents = {f"<{size}@x.test>": of_size(size, f"<{size}@x.test>") for size in sizes}
    for content in contents.values():
        send(server, "bob@dest.test", "ann@home.test", content=content)
    server.kill()
    server.start()
    sink.open()
    # The start itself may have tried, and failed, in the moment before.
    server.wait_queue_empty(seconds=40, retry=True)
    for message in sink.wait(len(sizes)):
        assert messages.without_received(message.content) == contents[message.message_id]
    stored = server.maildir("ann@home.test").messages()
    found = {messages.digest(text[text.index(b"\nFrom:") + 1 :]) for text in stored}
    assert found == {messages.digest(content.replace(b"\r\n", b"\n"))
                     for content in contents.values()}
    # What was delivered takes no room any more, but for the segments of the log.
    wait_until(lambda: disk_use(server.data_dir) < 200 * MIB and len(
        [file for file in server.data_dir.glob("**/*") if file.is_file()]) < 20,
        lambda: sorted(map(str, server.data_dir.glob("**/*"))))


def disk_use(folder):
    return sum(file.stat().st_blocks * 512 for file in folder.glob("**/*") if file.is_file())


def test_a_message_for_a_thousand_recipients(server, sink):
    server.start()
    recipients = [f"r{number}@d{number % 7}.test" for number in range(1000)]
    send(server, *recipients)
    wait_until(lambda: sum(len(m.forward_paths) for m in sink.messages) == 1000, "not all arrived")
    assert sorted(sum((m.forward_paths for m in sink.messages), [])) == sorted(recipients)
    server.wait_queue_empty()


# Commands on the queue.


def test_queue_commands_on_a_running_and_on_a_stopped_server(server, sink):
    sink.close()
    server.start()
    content = messages.simple(message_id="<1@x.test>")
    send(server, "bob@dest.test", content=content)
    server.events.wait("deferred")
    send(server, "carl@dest.test")
    for running in (True, False):
        if not running:
            assert server.stop() == 0
        queued = server.queue()
        assert len(queued) == 2
        message = [m for m in queued if m["recipients"][0]["to"] == "bob@dest.test"][0]
        shown = server.show(message["id"])
        assert {key: shown[key] for key in ("id", "from", "size", "received")} == \
            {key: message[key] for key in ("id", "from", "size", "received")}
        text = server.run("queue", "list")
        assert text.returncode == 0 and message["id"] in text.stdout
        assert "bob@dest.test" in server.run("queue", "show", message["id"]).stdout
        body = subprocess.run([*server_command("queue", "body", message["id"]), "--config",
                               str(server.config_file)], capture_output=True)
        assert body.returncode == 0
        assert messages.without_received(body.stdout.replace(b"\r\n", b"\n").replace(
            b"\n", b"\r\n")) == content
        for command in ("show", "body"):
            unknown = server.run("queue", command, "0" * len(message["id"]))
            assert unknown.returncode == 1 and unknown.stderr
        dry = server.run("queue", "retry", "--to", "carl@dest.test", "--dry-run")
        assert dry.returncode == 0 and "carl@dest.test" in dry.stdout
        assert "bob@dest.test" not in dry.stdout
        assert server.run("queue", "retry").returncode == 2
        assert len(server.queue()) == 2
    # On the stopped server it is noted, and tried at the next start, whatever the back-off.
    server.retry("--to", "bob@dest.test")
    sink.open()
    server.start()
    # Once the next hop has been reached, what else waits for it goes, too.
    assert sink.wait()[0].forward_paths == ["bob@dest.test"]
    wait_until(lambda: "bob@dest.test" not in [m["recipients"][0]["to"] for m in server.queue()],
               "bob's mail stays queued")


def server_command(*arguments):
    from support import binary
    return [binary.posthaste(), *arguments]


@pytest.mark.parametrize("filters, touched", [
    (["--all"], {"a@one.test", "b@one.test", "c@two.test"}),
    (["--to", "one.test"], {"a@one.test", "b@one.test"}),
    (["--to", "b@one.test"], {"b@one.test"}),
    (["--from", "ann@home.test"], {"a@one.test", "b@one.test"}),
    (["--from", "home.test", "--to", "a@one.test"], {"a@one.test"}),
    (["--to", "elsewhere.test"], set()),
])
def test_retry_acts_on_the_recipients_that_match(server, sink, filters, touched):
    sink.script = lambda _, verb, __: "450 4.2.1 later" if verb == "RCPT" else None
    server.start()
    send(server, "a@one.test", "b@one.test")
    send(server, "c@two.test", reverse_path="x@y.test")
    server.events.wait("deferred", 3)
    server.retry(*filters)
    if touched:
        server.events.wait("deferred", 3 + len(touched))
    attempts = {r["to"]: r["attempts"] for m in server.queue() for r in m["recipients"]}
    assert attempts == {to: 2 if to in touched else 1 for to in attempts} and len(attempts) == 3


def test_a_retry_is_made_at_once_though_a_connection_is_idle(server, sink):
    sink.script = lambda _, verb, __: "450 4.2.1 later" if verb == "RCPT" else None
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("deferred")
    sink.script = None
    server.retry()
    sink.wait(seconds=2)


def test_the_queue_shows_hostile_text_escaped(server, sink):
    sink.script = lambda _, verb, __: "451 4.3.0 \x1b[31mred\x07" if verb == "RCPT" else None
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("deferred")
    for arguments in (["list"], ["list", "--json"], ["show", server.queue()[0]["id"]]):
        text = server.run("queue", *arguments).stdout
        assert "\x1b" not in text and "\x07" not in text
    assert "\x1b" not in server.events.file.read_text()
    assert server.queue()[0]["recipients"][0]["last_reply"].startswith("451 4.3.0 ")


# Reports.


def parts_of(report):
    message = email.message_from_bytes(report)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    return message, message.get_payload()


def test_a_report_of_a_failure(server, sink):
    sink.script = lambda _, verb, __: "550 5.7.1 we do not\n550 5.7.1 like it" \
        if verb == "CONTENT" else None
    server.start()
    send(server, "bob@dest.test", content=messages.simple("secret plan", "the body\r\n"))
    bounced = server.events.wait("bounced")[0]
    report = server.maildir("ann@home.test").wait()[0]
    assert report.startswith(b"Return-Path: <>\n")
    message, (human, status, original) = parts_of(report)
    assert message["To"] and "ann@home.test" in message["To"]
    assert message["Auto-Submitted"].startswith("auto-replied") or \
        message["Auto-Submitted"].startswith("auto-generated")
    assert message["MIME-Version"] == "1.0" and message["Date"] and message["Message-ID"]
    assert "bob@dest.test" in human.get_payload() and "like it" in human.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    per_message, per_recipient = status.get_payload()
    assert per_message["Reporting-MTA"] == "dns; mx.posthaste.test"
    assert per_recipient["Final-Recipient"] == "rfc822; bob@dest.test"
    assert per_recipient["Action"] == "failed" and per_recipient["Status"] == "5.7.1"
    assert per_recipient["Diagnostic-Code"].startswith("smtp; 550 5.7.1")
    assert original.get_content_type() in ("text/rfc822-headers", "message/rfc822")
    assert "secret plan" in original.as_string()
    # Its own events.
    assert bounced["dsn"]
    received = server.events.of("received", id=bounced["dsn"])[0]
    assert received["client"] is None and received["from"] == ""
    server.events.wait("delivered", id=bounced["dsn"])
    assert not server.queue()


def test_nobody_reports_to_the_null_reverse_path(server, sink):
    sink.script = lambda _, verb, __: "550 5.1.1 nobody" if verb == "RCPT" else None
    server.start()
    send(server, "bob@dest.test", reverse_path="")
    event = server.events.wait("bounced")[0]
    assert event["dsn"] is None
    server.wait_queue_empty()
    assert len(server.events.of("received")) == 1


def test_a_report_goes_by_smtp_with_the_null_reverse_path_and_is_not_reported_on(server, sink):
    sink.script = lambda _, verb, __: "550 5.1.1 nobody" if verb == "RCPT" else None
    server.start()
    send(server, "bob@dest.test", reverse_path="who@far.test")
    events = server.events.wait("bounced", 2)
    assert events[1]["id"] == events[0]["dsn"] and events[1]["dsn"] is None
    server.wait_queue_empty()
    sink.script = lambda _, verb, argument: "550 5.1.1 nobody" \
        if verb == "RCPT" and "dest.test" in argument else None
    send(server, "bob@dest.test", reverse_path="who@far.test")
    report = sink.wait()[0]
    assert report.reverse_path == "" and report.forward_paths == ["who@far.test"]
    parts_of(report.content)


def test_mail_that_expires_is_reported_once_with_the_last_reply(server, sink):
    sink.script = lambda _, verb, __: "451 4.3.0 still busy" if verb == "RCPT" else None
    server.set(queue={"retry": ["1s"], "expire": "3s", "warn_after": ""})
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("expired", to="bob@dest.test")
    reports = server.maildir("ann@home.test").wait()
    _, (human, status, _) = parts_of(reports[0])
    recipient = status.get_payload()[1]
    assert recipient["Action"] == "failed" and recipient["Status"] in ("4.4.7", "4.3.0")
    assert "451 4.3.0 still busy" in recipient["Diagnostic-Code"]
    server.wait_queue_empty()
    assert len(reports) == server.maildir("ann@home.test").count() == 1


def test_mail_for_a_dead_hop_expires(server, sink):
    sink.close()
    server.set(queue={"retry": ["1s"], "expire": "2s", "warn_after": ""})
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("expired")
    report = server.maildir("ann@home.test").wait()[0].decode()
    assert "\nAction: failed\n" in report and "\nStatus: 4.4." in report


def test_expiry_counts_from_arrival_also_over_a_restart(server, sink):
    sink.close()
    server.set(queue={"retry": ["1h"], "expire": "2s", "warn_after": ""})
    server.start()
    send(server, "bob@dest.test")
    server.stop()
    server.start()
    server.events.wait("expired")
    server.maildir("ann@home.test").wait()


def test_hostile_replies_do_no_harm_in_reports_and_logs(server, sink):
    hostile = "550 5.1.1 \x1b]0;x\x07<script>\u00e4\u202e" + "y" * 400
    sink.script = lambda _, verb, __: hostile if verb == "RCPT" else None
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("bounced")
    report = server.maildir("ann@home.test").wait()[0]
    assert b"\x1b" not in report and b"\x07" not in report
    parts_of(report)
    assert max(len(line) for line in report.split(b"\n")) <= 998
    for line in server.events.file.read_text().splitlines():
        json.loads(line)


@pytest.mark.parametrize("greeting", [b"220 x" + b"y" * 100_000, b"garbage\r\n", b"\0" * 1000,
                                      b"220-" + b"x\r\n220-" * 5000])
def test_a_hop_that_talks_nonsense_is_deferred(server, sink, greeting):
    def script(session, verb, _):
        if verb != "CONNECT":
            return None
        session.transport.write(greeting)
        return "silent"

    sink.script = script
    server.start()
    send(server, "bob@dest.test")
    server.events.wait("deferred")
    assert not server.events.of("bounced")
    sink.script = None
    server.retry()
    sink.wait()
