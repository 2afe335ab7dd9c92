"""Submission: AUTH, TLS, who may send as whom, what is added and what is removed."""

import base64
import email
import smtplib
import ssl
import subprocess
import warnings

import pytest

from support import messages, tls
from support.smtp import Client, Closed, tls_client
from support.wait import wait_until

PASSWORD = "open sesame"


@pytest.fixture
def server(make_server, sink, certificate, password_hash):
    """Sends everything on to the sink. ann may send as herself alone, boss also as others."""
    made = make_server(roles=("submission", "submissions", "mx"),
                       tls={"certificate": certificate[0], "key": certificate[1]},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}],
                       delivery={"tls": "off"})
    made.domain("client.test", [
        {"address": "Ann@client.test", "password": password_hash},
        {"address": "boss@client.test", "password": password_hash,
         "may_send_as": ["office@client.test", "*@shop.test"]},
        {"address": "mute@client.test"},
    ])
    return made.start()


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def submit(server, context, mode="starttls"):
    """A client after the handshake and EHLO."""
    if mode == "implicit":
        client = tls_client(server.ports["submissions"], context)
    else:
        client = Client(server.ports["submission"])
        client.ehlo()
        client.start_tls(context)
    client.hello = client.ehlo()
    return client


@pytest.fixture
def client(server, authority):
    with submit(server, tls.client_context(authority)) as made:
        yield made


def log_in(client, user="ann@client.test"):
    assert client.command("AUTH PLAIN " + plain(user, PASSWORD)).is_("235 2.7.0")


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits(server, sink, authority, mode, mechanism):
    arguments = ["--server", "localhost", "--port", str(server.ports["submission"]), "-tls"]
    if mode == "implicit":
        arguments[3:] = [str(server.ports["submissions"]), "-tlsc"]
    done = swaks(server, mechanism, arguments, authority, PASSWORD)
    assert done.returncode == 0, done.stdout + done.stderr
    message = sink.wait()[0]
    assert (message.reverse_path, message.forward_paths) == ("ann@client.test", ["bob@dest.test"])
    event = server.events.wait("received")[0]
    assert event["auth"].lower() == "ann@client.test" and event["tls"].startswith("TLS")
    assert b" with ESMTPSA" in message.content


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_with_a_wrong_password_fails(server, sink, authority, mechanism):
    arguments = ["--server", "localhost", "--port", str(server.ports["submission"]), "-tls"]
    done = swaks(server, mechanism, arguments, authority, "wrong")
    assert done.returncode == 28, done.stdout
    assert "535 5.7.8" in done.stdout
    assert not server.events.of("received")


def swaks(server, mechanism, arguments, authority, password):
    return subprocess.run(
        ["swaks", *arguments, "--from", "ann@client.test", "--to", "bob@dest.test",
         "--auth", mechanism, "--auth-user", "ann@client.test", "--auth-password", password,
         "--tls-verify", "--tls-ca-path", str(authority.certificate), "--hide-informational"],
        capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
def test_smtplib_submits(server, sink, authority, mode, method):
    context = tls.client_context(authority)
    if mode == "implicit":
        client = smtplib.SMTP_SSL("localhost", server.ports["submissions"], context=context)
    else:
        client = smtplib.SMTP("localhost", server.ports["submission"])
        client.starttls(context=context)
    with client:
        client.ehlo()
        client.user, client.password = "ann@client.test", PASSWORD
        code, text = client.auth(method.split("_")[1].upper(), getattr(client, method))
        assert code == 235, text
        client.sendmail("ann@client.test", ["bob@dest.test"], messages.simple("from smtplib"))
    assert b"Subject: from smtplib" in sink.wait()[0].content


@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
def test_smtplib_with_a_wrong_password_fails(server, authority, method):
    with smtplib.SMTP_SSL("localhost", server.ports["submissions"],
                          context=tls.client_context(authority)) as client:
        client.ehlo()
        client.user, client.password = "ann@client.test", "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError) as error:
            client.auth(method.split("_")[1].upper(), getattr(client, method))
        assert error.value.smtp_code == 535
        assert error.value.smtp_error.startswith(b"5.7.8")


def test_wrong_password_unknown_account_and_account_without_login_are_alike(server, authority):
    replies = []
    for user, password in (("ann@client.test", "wrong"), ("nobody@client.test", PASSWORD),
                           ("mute@client.test", PASSWORD), ("mute@client.test", "x"),
                           ("ann@elsewhere.test", PASSWORD), ("ann", "x")):
        with submit(server, tls.client_context(authority)) as client:
            replies.append(repr(client.command("AUTH PLAIN " + plain(user, password))))
    assert replies[0].startswith("535 5.7.8") and len(set(replies)) == 1


def test_two_wrong_passwords_do_no_harm(client, sink):
    for _ in range(2):
        assert client.command("AUTH PLAIN " + plain("ann@client.test", "wrong")).code == 535
    log_in(client)
    assert client.mail(messages.simple(), "ann@client.test", "bob@dest.test").code == 250
    sink.wait()


def test_sixty_wrong_passwords_are_cut_off(client):
    tried = 0
    with pytest.raises((Closed, OSError)):
        for _ in range(60):
            assert client.command("AUTH PLAIN " + plain("ann@client.test", "x")).code in (535, 421)
            tried += 1
    assert tried < 60


def test_case_of_the_login_name_does_not_count(client):
    log_in(client, "ANN@Client.Test")


def test_auth_is_offered_in_tls_alone(server, authority):
    with Client(server.ports["submission"]) as client:
        assert "AUTH" not in client.ehlo().text
        assert client.command("AUTH PLAIN " + plain("ann@client.test", PASSWORD)).is_("538 5.7.11")
        assert client.command("AUTH LOGIN").is_("538 5.7.11")
        client.start_tls(tls.client_context(authority))
        offered = [line[4:] for line in client.ehlo().lines]
        assert "AUTH PLAIN LOGIN" in offered
        assert "STARTTLS" not in offered


def test_mail_without_auth_is_refused(server, authority):
    with Client(server.ports["submission"]) as client:
        client.ehlo()
        assert client.command("MAIL FROM:<ann@client.test>").is_("530 5.7.0")
    with submit(server, tls.client_context(authority), "implicit") as client:
        assert client.command("MAIL FROM:<ann@client.test>").is_("530 5.7.0")
        assert client.command("MAIL FROM:<>").is_("530 5.7.0")


@pytest.mark.parametrize("dialogue", [
    [("AUTH PLAIN", "334"), ("{good}", "235 2.7.0")],
    [("AUTH PLAIN", "334"), ("*", "501")],
    [("AUTH PLAIN", "334"), ("no base64!", "501 5.5.2")],
    [("AUTH PLAIN ====", "501 5.5.2")],
    [("AUTH PLAIN =", ("501", "535"))],
    [("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("{user}", "334 UGFzc3dvcmQ6"), ("{password}", "235")],
    [("AUTH LOGIN {user}", "334 UGFzc3dvcmQ6"), ("{password}", "235")],
    [("AUTH LOGIN", "334"), ("{user}", "334"), ("*", "501")],
    [("AUTH CRAM-MD5", "504 5.5.4")],
    [("AUTH", "501 5.5.4")],
    [("AUTH PLAIN {good}", "235"), ("AUTH PLAIN {good}", "503 5.5.1")],
    [("AUTH PLAIN {good}", "235"), ("MAIL FROM:<ann@client.test>", "250"),
     ("AUTH PLAIN {good}", "503 5.5.1")],
    [("AUTH PLAIN", "334"), ("x" * 20_000, "500 5.5.6"), ("NOOP", "250")],
], ids=lambda dialogue: " ".join(line[:24] for line, _ in dialogue))
def test_auth_dialogue(client, dialogue):
    words = {"good": plain("ann@client.test", PASSWORD),
             "user": base64.b64encode(b"ann@client.test").decode(),
             "password": base64.b64encode(PASSWORD.encode()).decode()}
    for line, want in dialogue:
        reply = client.command(line.format(**words))
        assert reply.is_(*([want] if isinstance(want, str) else want)), (line, reply)


@pytest.mark.parametrize("user, reverse_path, accepted", [
    ("ann@client.test", "ann@client.test", True),
    ("ann@client.test", "ANN@CLIENT.TEST", True),
    ("ann@client.test", "", True),
    ("ann@client.test", "boss@client.test", False),
    ("ann@client.test", "ann@elsewhere.test", False),
    ("ann@client.test", "office@client.test", False),
    ("boss@client.test", "office@client.test", True),
    ("boss@client.test", "Any.One@SHOP.test", True),
    ("boss@client.test", "x@sub.shop.test", False),
    ("boss@client.test", "x@notshop.test", False),
    ("boss@client.test", "ann@client.test", False),
])
def test_who_may_send_as_whom(client, user, reverse_path, accepted):
    log_in(client, user)
    reply = client.command(f"MAIL FROM:<{reverse_path}>")
    assert reply.is_("250" if accepted else "553 5.7.1"), reply


def test_date_and_message_id_are_added_when_missing_and_bcc_is_removed(client, sink):
    log_in(client)
    body = "Bcc: in the body stays\r\n"
    content = ("From: ann@client.test\r\nBcc: secret@dest.test,\r\n other@dest.test\r\n"
               "Subject: x\r\nBCC: more@dest.test\r\n\r\n" + body)
    assert client.mail(content, "ann@client.test", "secret@dest.test").code == 250
    got = sink.wait()[0].content
    parsed = email.message_from_bytes(got)
    assert email.utils.parsedate_to_datetime(parsed["Date"]) is not None
    assert parsed["Message-ID"].strip().endswith("@mx.posthaste.test>")
    assert parsed["Bcc"] is None and parsed["Subject"] == "x"
    assert messages.split(got)[1] == body.encode()
    assert len(parsed.get_all("Date")) == len(parsed.get_all("Message-ID")) == 1
    assert got.endswith(b"From: ann@client.test\r\nSubject: x\r\n\r\n" + body.encode())


def test_date_and_message_id_that_are_there_stay(client, sink):
    log_in(client)
    content = messages.simple(message_id="<mine@client.test>")
    assert client.mail(content, "ann@client.test", "bob@dest.test").code == 250
    assert messages.without_received(sink.wait()[0].content) == content


def test_mx_adds_neither_date_nor_message_id_and_keeps_bcc(server):
    with Client(server.ports["mx"]) as client:
        client.ehlo()
        content = b"From: x@y.test\r\nBcc: z@y.test\r\n\r\nx\r\n"
        assert client.mail(content, "x@y.test", "mute@client.test").code == 250
    stored = server.maildir("mute@client.test").wait()[0]
    assert stored.endswith(content.replace(b"\r\n", b"\n"))
    assert b"\nDate:" not in stored and b"Message-ID" not in stored


def test_passwords_are_never_logged(client, server):
    client.command("AUTH PLAIN " + plain("ann@client.test", "wrong secret"))
    client.command("AUTH LOGIN")
    client.command(base64.b64encode(b"ann@client.test").decode())
    client.command(base64.b64encode(b"wrong secret").decode())
    client.command("QUIT")
    server.events.wait("session_closed")
    written = server.events.file.read_text() + server.stderr()
    for secret in ("wrong secret", plain("ann@client.test", "wrong secret"),
                   base64.b64encode(b"wrong secret").decode()):
        assert secret not in written


def test_many_password_checks_at_once_are_bounded_and_the_rest_hears_454(server, authority):
    """While they run, other sessions are served."""
    context = tls.client_context(authority)
    clients = [submit(server, context) for _ in range(60)]
    for client in clients:
        client.send("AUTH PLAIN " + plain("ann@client.test", "wrong") + "\r\n")
    with Client(server.ports["mx"], seconds=2) as other:
        assert other.ehlo().code == 250
    replies = [client.reply() for client in clients]
    assert all(reply.is_("535 5.7.8", "454 4.7.0") for reply in replies), replies
    assert any(reply.code == 535 for reply in replies)
    for client in clients:
        client.close()
    wait_until(lambda: can_log_in(server, context), "the checks never end")


def can_log_in(server, context):
    with submit(server, context) as client:
        return client.command("AUTH PLAIN " + plain("ann@client.test", PASSWORD)).code == 235


def test_tls_of_today_alone(server):
    """TLS 1.1 is refused [RFC8996 4]."""
    old = tls.careless_client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_client(server.ports["submissions"], old)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        now = tls.careless_client_context()
        now.minimum_version = now.maximum_version = version
        with tls_client(server.ports["submissions"], now) as client:
            assert client.ehlo().code == 250
