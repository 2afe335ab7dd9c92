"""Reports: failure, delay and success, and what NOTIFY, RET, ENVID and ORCPT make of them."""

import email.utils
import re

import pytest

from support import messages, ports
from support.reports import Report, reports
from support.smtp import Client, submit
from support.wait import wait_until

CONTENT = messages.simple("secret plan", "the whole body\r\n")


@pytest.fixture
def refusing(make_sink):
    """A next hop without DSN: local-parts say what it replies to RCPT."""
    replies = {"no": "550 5.1.1 nobody of that name", "full": "552 5.2.2 mailbox full",
               "later": "450 4.2.1 mailbox busy"}
    return make_sink(script=lambda _, verb, argument: next(
        (reply for word, reply in replies.items() if verb == "RCPT" and f"<{word}" in argument),
        None))


@pytest.fixture
def server(make_server, refusing):
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       queue={"retry": ["1h"]},
                       route=[{"recipient": "gone.test", "via": "discard:"},
                              {"recipient": "*", "via": f"smtp://{refusing.address}"}])
    made.domain("home.test", ("ann", "bob"))
    made.set(alias=[
        {"address": "team@home.test", "to": ["bob@home.test", "ok@dest.test"]},
        {"address": "one@home.test", "to": ["bob@home.test"]},
        {"address": "away@home.test", "to": ["no@dest.test"]}])
    return made.start()


def box(server):
    return server.maildir("ann@home.test")


def no_report(server):
    """True when everything has ended and nobody was told anything."""
    server.wait_queue_empty()
    return box(server).count() == 0


@pytest.mark.contract("reports.failure", "reports.words", "reports.together")
def test_recipients_that_fail_together_share_one_report(server):
    submit(server, "no1@dest.test", "no2@dest.test", "full@dest.test", "ok@dest.test",
           content=CONTENT)
    bounced = server.events.wait("bounced", 3)
    report = reports(box(server))[0]
    assert sorted(report.fields("Final-Recipient", "Action", "Status")) == [
        ("rfc822; full@dest.test", "failed", "5.2.2"), ("rfc822; no1@dest.test", "failed", "5.1.1"),
        ("rfc822; no2@dest.test", "failed", "5.1.1")]
    assert len({event["dsn"] for event in bounced}) == 1 and bounced[0]["dsn"]
    for words in ("no1@dest.test", "nobody of that name", "full@dest.test", "mailbox full"):
        assert words in report.human
    assert "ok@dest.test" not in report.human
    server.wait_queue_empty()
    assert box(server).count() == 1


@pytest.mark.contract("reports.failure")
def test_a_report_is_a_message_as_it_should_be(server):
    submit(server, "no@dest.test", content=CONTENT)
    report = reports(box(server))[0]
    message = report.message
    assert report.content.startswith(b"Return-Path: <>\n")
    assert message["Auto-Submitted"].startswith("auto-replied")  # [RFC3834 5] for answers.
    assert "ann@home.test" in message["To"] and message["From"] and message["Subject"]
    assert email.utils.parsedate_to_datetime(message["Date"])
    assert message["Message-ID"] and message["MIME-Version"] == "1.0"
    assert report.per_message["Reporting-MTA"] == "dns; mx.posthaste.test"
    assert email.utils.parsedate_to_datetime(report.per_message["Arrival-Date"])
    recipient = report.recipients[0]
    assert recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1 nobody of that name")
    assert recipient["Remote-MTA"].startswith("dns; ")
    assert email.utils.parsedate_to_datetime(recipient["Last-Attempt-Date"])
    assert recipient["Original-Recipient"] is None
    assert report.per_message["Original-Envelope-Id"] is None


@pytest.mark.contract("reports.notify")
@pytest.mark.parametrize("notify", ["NEVER", "SUCCESS", "DELAY", "SUCCESS,DELAY"])
def test_no_report_of_a_failure_that_nobody_asked_for(server, notify):
    submit(server, ("no@dest.test", f"NOTIFY={notify}"))
    event = server.events.wait("bounced")[0]
    assert event["dsn"] is None
    assert no_report(server)


@pytest.mark.contract("reports.notify")
@pytest.mark.parametrize("notify", ["FAILURE", "SUCCESS,FAILURE", "failure,delay"])
def test_a_failure_is_reported_when_asked_for(server, notify):
    submit(server, ("no@dest.test", f"NOTIFY={notify}"))
    assert reports(box(server))[0].fields("Action") == [("failed",)]


@pytest.mark.contract("reports.notify")
def test_each_recipient_has_its_own_wishes(server):
    submit(server, ("no1@dest.test", "NOTIFY=NEVER"), ("no2@dest.test", "NOTIFY=FAILURE"),
           "no3@dest.test")
    server.events.wait("bounced", 3)
    report = reports(box(server))[0]
    assert sorted(report.fields("Final-Recipient")) == [
        ("rfc822; no2@dest.test",), ("rfc822; no3@dest.test",)]
    assert "no1@" not in report.human


@pytest.mark.contract("reports.ret")
@pytest.mark.parametrize("parameter, whole", [("RET=FULL", True), ("RET=HDRS", False)])
def test_how_much_of_the_original_comes_back(server, parameter, whole):
    submit(server, "no@dest.test", content=CONTENT, mail=parameter)
    report = reports(box(server))[0]
    assert report.has_whole_original == whole
    assert ("the whole body" in report.original.as_string()) == whole
    assert "Subject: secret plan" in report.original.as_string()
    if whole:  # Octet by octet, below our Received field.
        start = report.content.index(b"From: ann@client.test")
        assert report.content[start:].startswith(CONTENT.replace(b"\r\n", b"\n"))


@pytest.mark.contract("reports.envid-orcpt")
def test_envid_and_orcpt_are_told(server):
    submit(server, ("no@dest.test", "ORCPT=rfc822;first+2Bname@first.test"), mail="ENVID=QQ+2B1+3D")
    report = reports(box(server))[0]
    assert report.per_message["Original-Envelope-Id"] == "QQ+1="
    assert report.fields("Original-Recipient", "Final-Recipient") == [
        ("rfc822;first+2Bname@first.test", "rfc822; no@dest.test")] or \
        report.fields("Original-Recipient") == [("rfc822; first+name@first.test",)]


@pytest.mark.contract("reports.success")
@pytest.mark.parametrize("recipient, action", [("bob@home.test", "delivered"),
                                               ("ok@dest.test", "relayed"),
                                               ("x@gone.test", "delivered"),
                                               ("one@home.test", "delivered")])
def test_success_is_reported_where_it_is_asked_for(server, recipient, action):
    submit(server, (recipient, f"NOTIFY=SUCCESS ORCPT=rfc822;{recipient}"), mail="ENVID=E1 RET=FULL",
           content=CONTENT)
    report = reports(box(server))[0]
    [(found, status)] = report.fields("Action", "Status")
    assert found == action and re.fullmatch(r"2\.\d+\.\d+", status)
    assert report.per_message["Original-Envelope-Id"] == "E1"
    [(original,)] = report.fields("Original-Recipient")
    assert recipient in original
    # Nothing failed: the content does not come back, whatever RET says [RFC3461 6.2].
    assert "the whole body" not in report.content.decode()
    server.wait_queue_empty()
    assert box(server).count() == 1


@pytest.mark.contract("reports.success")
@pytest.mark.parametrize("parameters", ["", "NOTIFY=FAILURE,DELAY", "NOTIFY=NEVER"])
def test_success_is_not_reported_otherwise(server, parameters):
    submit(server, ("bob@home.test", parameters), ("ok@dest.test", parameters))
    server.events.wait("delivered", 2)
    assert no_report(server)


@pytest.mark.contract("reports.success", "reports.expanded")
def test_an_alias_with_several_targets_is_expanded(server):
    submit(server, ("team@home.test", "NOTIFY=SUCCESS ORCPT=rfc822;team@home.test"))
    server.events.wait("delivered", 2)
    report = reports(box(server))[0]
    assert report.fields("Action") == [("expanded",)]
    assert "team@home.test" in report.fields("Final-Recipient")[0][0]
    server.wait_queue_empty()
    assert box(server).count() == 1


@pytest.mark.contract("reports.success")
def test_the_next_hop_reports_when_it_took_the_parameters(server, refusing):
    refusing.extensions += ("DSN",)
    submit(server, ("ok@dest.test", "NOTIFY=SUCCESS"))
    refusing.wait()
    assert no_report(server)


@pytest.mark.contract("reports.orcpt-alias")
def test_failures_behind_an_alias_name_the_address_that_was_written_to(server):
    submit(server, ("away@home.test", "ORCPT=rfc822;away@home.test NOTIFY=FAILURE"))
    report = reports(box(server))[0]
    [(original, final)] = report.fields("Original-Recipient", "Final-Recipient")
    assert "away@home.test" in original and final == "rfc822; no@dest.test"


@pytest.mark.contract("5.dsn", "5.ehlo")
@pytest.mark.parametrize("mail, rcpt, want", [
    ("RET=FULL", "", "250"), ("ret=hdrs ENVID=a+2Bb", "NOTIFY=never", "250"),
    ("", "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+40b", "250"),
    ("", "ORCPT=x-local;anything", "250"), ("ENVID=" + "e" * 100, "", "250"),
    ("RET=HALF", None, "501 5.5.4"), ("RET", None, "501 5.5.4"),
    ("RET=FULL RET=FULL", None, "501 5.5.4"), ("ENVID=a+2", None, "501 5.5.4"),
    ("ENVID=a=b", None, "501 5.5.4"), ("ENVID=" + "e" * 101, None, "501 5.5.4"),
    ("", "NOTIFY=NEVER,FAILURE", "501 5.5.4"), ("", "NOTIFY=", "501 5.5.4"),
    ("", "NOTIFY=MAYBE", "501 5.5.4"), ("", "NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4"),
    ("", "ORCPT=nothing", "501 5.5.4"), ("", "ORCPT=rfc822;a+4", "501 5.5.4"),
    ("", "ORCPT=rfc822;" + "o" * 600, "501 5.5.4")])
def test_parameters_of_reports_are_parsed_at_mail_and_rcpt(server, mail, rcpt, want):
    with Client(server.port) as client:
        assert "DSN" in [line[4:] for line in client.ehlo().lines]
        reply = client.command(f"MAIL FROM:<ann@home.test> {mail}".rstrip())
        if rcpt is None:
            assert reply.is_(want, want.replace("501", "555")), reply
            return
        assert reply.code == 250, reply
        reply = client.command(f"RCPT TO:<bob@home.test> {rcpt}".rstrip())
        assert reply.is_(want, want.replace("501", "555")), reply


# Delay.


@pytest.fixture
def patient(server):
    server.set(queue={"warn_after": "1s", "retry": ["1s", "1s", "1h"], "expire": "5d"})
    server.restart()
    return server


@pytest.mark.contract("reports.delay", "2.warn-after")
def test_a_delay_is_reported_once_and_the_mail_stays(patient, refusing):
    submit(patient, "later1@dest.test", "later2@dest.test", "ok@dest.test", content=CONTENT)
    report = reports(box(patient))[0]
    assert sorted(report.fields("Final-Recipient", "Action")) == [
        ("rfc822; later1@dest.test", "delayed"), ("rfc822; later2@dest.test", "delayed")]
    status, until, diagnostic = report.fields("Status", "Will-Retry-Until", "Diagnostic-Code")[0]
    assert status == "4.2.1" and "450 4.2.1 mailbox busy" in diagnostic
    assert email.utils.parsedate_to_datetime(until)
    assert "mailbox busy" in report.human and not report.has_whole_original
    patient.events.wait("deferred", 6)
    assert len(patient.queue()) == 1 and box(patient).count() == 1
    # Also a restart forgets nothing.
    patient.restart()
    patient.retry()
    patient.events.wait("deferred", 8)
    assert box(patient).count() == 1
    refusing.script = None
    patient.retry()
    patient.wait_queue_empty()
    assert box(patient).count() == 1


@pytest.mark.contract("reports.delay", "reports.notify")
@pytest.mark.parametrize("parameters, told", [
    ("NOTIFY=DELAY", True), ("NOTIFY=FAILURE", False), ("NOTIFY=NEVER", False),
    ("NOTIFY=SUCCESS", False)])
def test_a_delay_is_reported_to_who_wants_to_hear_of_it(patient, parameters, told):
    submit(patient, ("later@dest.test", parameters))
    patient.events.wait("deferred", 3)
    if told:
        assert reports(box(patient))[0].fields("Action") == [("delayed",)]
    assert box(patient).count() == (1 if told else 0)


@pytest.mark.contract("2.warn-after")
def test_no_delay_is_reported_when_warn_after_is_empty(server):
    server.set(queue={"warn_after": "", "retry": ["1s", "1s", "1h"]})
    server.restart()
    submit(server, "later@dest.test")
    server.events.wait("deferred", 3)
    assert box(server).count() == 0


# No reports of reports, no loops.


@pytest.mark.contract("reports.none-for-null")
@pytest.mark.parametrize("recipient", ["no@dest.test", "later@dest.test", "bob@home.test"])
def test_the_null_reverse_path_is_never_told_anything(patient, recipient):
    submit(patient, (recipient, "NOTIFY=SUCCESS,FAILURE,DELAY"), reverse_path="", mail="RET=FULL")
    if recipient.startswith("later"):
        patient.events.wait("deferred", 3)
    else:
        patient.wait_queue_empty()
    assert len(patient.events.of("received")) == 1


@pytest.mark.contract("reports.none-for-null")
def test_a_report_that_cannot_be_delivered_is_dropped(server):
    submit(server, "no@dest.test", reverse_path="no@far.test")
    first, second = server.events.wait("bounced", 2)
    assert second["id"] == first["dsn"] and second["dsn"] is None
    server.wait_queue_empty()


@pytest.mark.contract("6.loops")
def test_two_servers_that_point_at_each_other_end_the_loop(make_server):
    """By counting Received; the originator hears of it once."""
    other_port = ports.free_port()
    first = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"}, hostname="a.test",
                        route=[{"recipient": "loop.test", "via": f"smtp://127.0.0.1:{other_port}"}])
    first.domain("home.test", ("ann",)).start()
    second = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                         hostname="b.test", queue={"durability": "memory"},
                         listener=[{"address": f"127.0.0.1:{other_port}", "role": "mx"}],
                         route=[{"recipient": "*", "via": f"smtp://127.0.0.1:{first.port}"}]).start()
    submit(first, "bob@loop.test")
    report = reports(first.maildir("ann@home.test"), seconds=50)[0]
    assert report.fields("Action", "Status") == [("failed", "5.4.6")]
    for server in (first, second):
        server.wait_queue_empty()
    hops = len(first.events.of("delivered")) + len(second.events.of("delivered"))
    assert 95 <= hops <= 105
    assert first.maildir("ann@home.test").count() == 1


@pytest.mark.contract("reports.utf8")
def test_reports_of_utf8_addresses(server):
    submit(server, "no-b\u00f6b@dest.test", mail="SMTPUTF8",
           reverse_path="ann@home.test")
    report = Report(box(server).wait()[0])
    assert report.fields("Action") == [("failed",)]
    assert "no-b\u00f6b@dest.test" in report.human
