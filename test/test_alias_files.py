"""Aliases from files of their own: sendmail's form with included files, programs and files; tables in
text, CDB and SQLite; owners of lists; and what `check`, `route` and SIGHUP make of them."""

import json
import sqlite3
import subprocess

import pytest

from support.server import run
from support.smtp import Client, submit
from support.wait import wait_until

LISTS = "lists"


@pytest.fixture
def server(make_server, sink):
    made = make_server(relay={"networks": ["127.0.0.1"]}, delivery={"tls": "off"},
                       route=[{"recipient": "*", "via": f"smtp://{sink.address}"}])
    made.domain("home.test", ("ann", "bob"))
    (made.folder / LISTS).mkdir()
    return made


def reload(server):
    before = len(server.events.of("reloaded"))
    server.reload()
    server.events.wait("reloaded", count=before + 1)


def aliases(server, text, **keys):
    """Writes the file of aliases, and names it in the configuration."""
    file = server.folder / "aliases"
    file.write_text(text)
    server.set(alias_file=[{"path": file, "include": [server.folder / LISTS], **keys}])
    return file


def program(server, name="archive"):
    """A program that keeps its arguments and what it reads, and its output file."""
    script, out = server.folder / name, server.folder / f"{name}.out"
    script.write_text(f'#!/bin/sh\n{{ echo "args: $*"; cat; }} >> {out}.new\nmv {out}.new {out}\n')
    script.chmod(0o755)
    return script, out


def test_an_alias_file_leads_to_mailboxes_programs_and_files(server, sink):
    script, out = program(server)
    (server.folder / LISTS / "team").write_text("# the team\nbob\nfar@dest.test\n")
    aliases(server, f'all: ann, :include:{server.folder}/{LISTS}/team,\n'
                    f'  "|{script} -r {{recipient}} two", {server.folder}/archive.mbox,\n'
                    f'  {server.folder}/box/, /dev/null\n', programs=True, files=True)
    server.start()
    submit(server, "all@home.test", reverse_path="sam@dest.test")
    server.maildir("ann@home.test").wait()
    server.maildir("bob@home.test").wait()
    server.events.wait("delivered", count=6)
    server.wait_queue_empty()
    assert [message.forward_paths for message in sink.messages] == [["far@dest.test"]]
    text = out.read_text()
    assert text.startswith("args: -r all@home.test two\n")
    assert "Return-Path: <sam@dest.test>" in text and "Delivered-To: all@home.test" in text
    assert (server.folder / "archive.mbox").read_text().startswith("From sam@dest.test ")
    assert len(list((server.folder / "box" / "new").iterdir())) == 1
    assert {event["via"].split(":")[0] for event in
            server.events.of("delivered", to="all@home.test")} == {"pipe", "mbox", "maildir",
                                                                     "discard"}


def test_a_program_that_fails_is_an_outcome_of_its_own(server):
    script = server.folder / "refuses"
    script.write_text("#!/bin/sh\necho no room for you\nexit 67\n")
    script.chmod(0o755)
    aliases(server, f"both: ann, |{script}\n", programs=True)
    server.start()
    submit(server, "both@home.test", reverse_path="bob@home.test")
    server.maildir("ann@home.test").wait()
    report = server.maildir("bob@home.test").wait()[0]
    server.wait_queue_empty()
    text = report.decode() if isinstance(report, bytes) else str(report)
    assert "both@home.test" in text and "no room for you" in text


def test_what_is_not_allowed_any_more_does_not_run(server):
    script, out = program(server)
    aliases(server, f"x: |{script}\n", programs=True)
    server.set(queue={"retry": ["1h"]})
    script.chmod(0o644)
    server.start()
    submit(server, "x@home.test", reverse_path="bob@home.test")
    server.events.wait("deferred", to="x@home.test")
    aliases(server, "x: ann\n")
    reload(server)
    script.chmod(0o755)
    server.retry("--all")
    assert server.events.wait("bounced", to="x@home.test")[0]["reply"].startswith("550 5.7.1")
    server.wait_queue_empty()
    assert not out.exists()


def test_the_owner_of_a_list_hears_of_its_mail(server, sink):
    sink.script = lambda _, verb, argument: "550 5.1.1 gone" if verb == "RCPT" and "gone" in argument else None
    aliases(server, "list: far@dest.test, gone@dest.test, bob\nowner-list: ann\n")
    server.start()
    submit(server, "list@home.test", "plain@dest.test", reverse_path="sam@elsewhere.test")
    report = server.maildir("ann@home.test").wait()[0]
    assert b"gone@dest.test" in report
    server.maildir("bob@home.test").wait()
    server.wait_queue_empty()
    assert sorted((message.reverse_path, message.forward_paths) for message in sink.messages) == [
        ("owner-list@home.test", ["far@dest.test"]), ("sam@elsewhere.test", ["plain@dest.test"])]
    assert b"Return-Path: <owner-list@home.test>" in server.maildir("bob@home.test").wait()[0]
    # Reports are not answered, through a list neither.
    submit(server, "list@home.test", reverse_path="")
    wait_until(lambda: "" in [message.reverse_path for message in sink.messages], "a null path")
    server.wait_queue_empty()
    assert len(server.maildir("ann@home.test").wait()) == 1


def make_table(server, form):
    if form == "text":
        file = server.folder / "table"
        file.write_text("# aliases\nteam ann,\n bob\n\"john doe\"@home.test ann\n")
        return file
    if form == "sqlite":
        file = server.folder / "table.db"
        with sqlite3.connect(file) as database:
            database.execute("CREATE TABLE aliases (key TEXT, value TEXT)")
            database.executemany("INSERT INTO aliases VALUES (?, ?)", [
                ("team", "ann"), ("team", "bob"), ('"john doe"@home.test', "ann")])
        database.close()
        return file
    file = server.folder / "table.cdb"
    subprocess.run(["cdb", "-c", "-m", file], check=True,
                   input=b"team ann, bob\njohn.doe@home.test ann\n")
    return file


@pytest.mark.parametrize("form", ["text", "sqlite", "cdb"])
def test_tables_hold_aliases(server, form):
    server.set(alias_file=[{"path": make_table(server, form), "format": "table"}])
    server.start()
    submit(server, "TEAM@home.test", "john.doe@home.test" if form == "cdb" else
           '"john doe"@home.test')
    server.maildir("ann@home.test").wait()
    server.maildir("bob@home.test").wait()


def test_users_stand_in_tables(server, password_hash):
    (server.folder / "users").write_text(f"carl {password_hash}\ndora@home.test -\n")
    server.set(user_file=[{"path": server.folder / "users"}])
    server.start()
    submit(server, "carl@home.test", "dora@home.test")
    server.maildir("carl@home.test").wait()
    server.maildir("dora@home.test").wait()
    with Client(server.port) as client:
        client.ehlo()
        client.command("MAIL FROM:<x@y.test>")
        assert client.command("RCPT TO:<emil@home.test>").is_("550 5.1.1")


MISTAKES = {
    "a bad line": ("ann bob\n", "aliases:1: expected NAME: TARGET, TARGET"),
    "a loop": ("# c\nx: y\ny: x\n", "aliases:2: expected an alias that leads to a mailbox"),
    "a program": ("x: |/bin/true\n", "aliases:1: |/bin/true is not allowed here"),
    "a file": ("\nx: /tmp/x\n", "aliases:2: /tmp/x is not allowed here"),
    "a missing include": ("x: :include:{lists}/none\n", "aliases:1: {lists}/none: not found"),
    "an include from elsewhere": ("x: :include:/etc/passwd\n", "aliases:1: /etc/passwd is in none"),
    "an include by way of ..": ("x: :include:{lists}/../posthaste.toml\n", "aliases:1: {lists}/../"),
    "an include through a link": ("x: :include:{lists}/link\n", "aliases:1: {lists}/link leads to"),
    "an include of itself": ("x: :include:{lists}/self\n", "{lists}/self:1: {lists}/self includes"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_check_tells_file_and_line(server, case):
    lists = server.folder / LISTS
    (lists / "self").write_text(f":include:{lists}/self\n")
    (lists / "link").symlink_to("/etc/passwd")
    text, mistake = (part.replace("{lists}", str(lists)) for part in MISTAKES[case])
    aliases(server, text)
    done = run("check", "--config", server.config_file)
    assert done.returncode == 2
    assert mistake in done.stderr
    shown = json.loads(run("check", "--json", "--config", server.config_file).stdout)
    assert not shown["valid"] and shown["mistakes"][0]["line"] > 0
    assert shown["mistakes"][0]["file"].startswith(str(server.folder))


def test_a_reload_takes_over_files_whole_or_not_at_all(server):
    file = aliases(server, "x: ann\n")
    server.start()
    file.write_text("x: bob\ny\n")
    server.reload()
    assert "aliases:2:" in server.events.wait("reload_failed")[0]["reason"]
    submit(server, "x@home.test")
    server.maildir("ann@home.test").wait()
    file.write_text("x: bob\n")
    reload(server)
    submit(server, "x@home.test")
    server.maildir("bob@home.test").wait()


def test_route_names_file_and_line(server):
    script, _ = program(server)
    file = aliases(server, f"# c\nx: ann, far@dest.test, |{script}\nowner-x: bob\n", programs=True)
    shown = json.loads(server.run("route", "x@home.test", "--sender", "s@dest.test",
                                  "--json").stdout)
    assert shown["outcome"] == "alias"
    assert any(f"{file}:2" in step["why"] for step in shown["steps"])
    assert [target["recipient"] for target in shown["targets"]] == [
        f"|{script}", "ann@home.test", "far@dest.test"]
    assert shown["targets"][0]["via"] == f"pipe:{script}"
    assert all(any("owner-x@home.test" in step["why"] for step in target["steps"])
               for target in shown["targets"])


def test_an_alias_leads_to_a_thousand_addresses_at_most(server):
    (server.folder / LISTS / "many").write_text("".join(f"m{i}@dest.test\n" for i in range(1001)))
    aliases(server, f"x: :include:{server.folder}/{LISTS}/many\n")
    done = run("check", "--config", server.config_file)
    assert done.returncode == 2 and "at most 1000 addresses" in done.stderr
