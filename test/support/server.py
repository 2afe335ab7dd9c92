"""Posthaste as a process: configuration, start, event log, `queue` and the other commands."""

import json
import os
import pathlib
import signal
import subprocess

from . import binary, ports
from .maildir import Maildir
from .wait import slowness, wait_until


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):  # Inside a table: an inline one.
        return "{ " + ", ".join(f"{key} = {toml(element)}" for key, element in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(element) for element in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)


def toml_document(tables):
    """A dict of keys, tables (dicts) and arrays of tables (lists of dicts) as TOML."""
    keys, sections = [], []
    for name, value in tables.items():
        if isinstance(value, dict):
            sections.append((f"[{name}]", value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            sections.extend((f"[[{name}]]", element) for element in value)
        else:
            keys.append(f"{name} = {toml(value)}")
    for head, table in sections:
        keys += ["", head, *(f"{name} = {toml(value)}" for name, value in table.items())]
    return "\n".join(keys) + "\n"


def run(*arguments, stdin=b"", seconds=30, env=None, cwd=None):
    """Runs a command of posthaste to its end; stdout and stderr are texts."""
    process = subprocess.run([binary.posthaste(), *map(str, arguments)], input=stdin, env=env,
                             cwd=cwd, capture_output=True, timeout=seconds * slowness())
    process.stdout = process.stdout.decode("utf-8", "replace")
    process.stderr = process.stderr.decode("utf-8", "replace")
    return process


class Events:
    """The event log, read as it grows. Survives restarts of the server."""

    def __init__(self, file):
        self.file = pathlib.Path(file)
        self._read = 0
        self._all = []

    def all(self):
        if not self.file.exists():
            return self._all
        with open(self.file, "rb") as log:
            log.seek(self._read)
            octets = log.read()
        whole = octets.rfind(b"\n") + 1
        self._read += whole
        self._all += [json.loads(line) for line in octets[:whole].splitlines()]
        return self._all

    def of(self, kind, **values):
        """Events of this kind with these values."""
        return [event for event in self.all() if event["event"] == kind
                and all(event.get(key) == value for key, value in values.items())]

    def wait(self, kind, count=1, seconds=20, **values):
        def summary():
            found = [event for event in self.all() if event["event"] not in
                     ("session_opened", "session_closed")]
            return f"{len(self.of(kind, **values))} of {count} events {kind} {values}; " \
                   f"the last events: {json.dumps(found[-5:], indent=1)}"

        wait_until(lambda: len(self.of(kind, **values)) >= count, summary, seconds)
        return self.of(kind, **values)


class Server:
    """One server in a folder of its own. `settings` go over the defaults made here: a table is
    merged key by key, everything else is replaced. None: the table is left out."""

    def __init__(self, folder, *, roles=("mx",), address="127.0.0.1", name="server", **settings):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.data_dir = self.folder / "data"
        self.config_file = self.folder / "posthaste.toml"
        self.events = Events(self.folder / "events.log")
        self.stderr_file = self.folder / "stderr"
        self.ports = {role: ports.free_port((address,)) for role in roles}
        self.host = address
        self.process = None
        self.settings = {
            "hostname": "mx.posthaste.test",
            "data_dir": self.data_dir,
            "listener": [{"address": f"{address}:{port}", "role": role}
                         for role, port in self.ports.items()],
            # Where nobody listens: a test that forgets its DNS must not ask the real one.
            "dns": {"servers": ["127.0.0.1:9"], "timeout": "2s"},
            "limits": {},
            "delivery": {"refuse_networks": []},
            "queue": {},
            "admin": {"address": ""},
            "log": {"file": self.events.file},
        }
        self.set(**settings)

    def set(self, **settings):
        """Changes the configuration; in force after the next start()."""
        for name, value in settings.items():
            if isinstance(value, dict) and isinstance(self.settings.get(name), dict):
                self.settings[name] = {**self.settings[name], **value}
            elif value is None:
                self.settings.pop(name, None)
            else:
                self.settings[name] = value
        self.config_file.write_text(toml_document(self.settings))

    @property
    def port(self):
        """Of the first listener."""
        return next(iter(self.ports.values()))

    def maildir(self, address):
        local, domain = address.split("@")
        return Maildir(self.folder / "mail" / domain / local)

    def domain(self, name, users=(), **more):
        """Settings for a [[domain]] with mailboxes in Maildirs below the folder of this server."""
        deliver = f"maildir:{self.folder}/mail/{{domain}}/{{local}}"
        domain = {"name": name, "deliver": deliver, **more}
        accounts = [user if isinstance(user, dict) else {"address": f"{user}@{name}"}
                    for user in users]
        self.set(domain=self.settings.get("domain", []) + [domain],
                 user=self.settings.get("user", []) + accounts)
        return self

    # The process.

    def start(self, prefix=(), before=None, seconds=20, env=None):
        """Starts the server and waits until it is ready. `prefix`: a command to run it under;
        `before` is called in the new process."""
        self.spawn(prefix, before, env)
        wait_until(lambda: self.is_ready() or self.process.poll() is not None,
                   lambda: "no ready: " + self.stderr(), seconds)
        assert self.is_ready(), f"the server ended with {self.process.poll()}: {self.stderr()}"
        return self

    def spawn(self, prefix=(), before=None, env=None):
        command = [*prefix, binary.posthaste(), "serve", "--config", str(self.config_file)]
        self._stderr_start = self.stderr_file.stat().st_size if self.stderr_file.exists() else 0
        with open(self.stderr_file, "ab") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env,
                                            stdout=stderr, stderr=stderr, preexec_fn=before)

    def stderr(self):
        """What this start has written."""
        octets = self.stderr_file.read_bytes() if self.stderr_file.exists() else b""
        return octets[self._stderr_start :].decode("utf-8", "replace")

    def is_ready(self):
        return "ready" in self.stderr().splitlines()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=40):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds * slowness())
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        assert self.stop() == 0, self.stderr()
        return self.start()

    def close(self):
        """The end of the test, whatever has happened."""
        if self.is_running():
            self.process.kill()
            self.process.wait()

    def memory(self):
        """Resident set, in octets."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    # Commands.

    def run(self, *arguments, **options):
        return run(*arguments, "--config", self.config_file, **options)

    def queue(self):
        """`queue list --json`."""
        listed = self.run("queue", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return json.loads(listed.stdout)

    def show(self, message_id):
        shown = self.run("queue", "show", message_id, "--json")
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)

    def reload(self):
        """SIGHUP. What it changes is to be waited for."""
        self.process.send_signal(signal.SIGHUP)

    def retry(self, *filters):
        done = self.run("queue", "retry", *(filters or ["--all"]))
        assert done.returncode == 0, done.stderr
        return done

    def wait_queue_empty(self, seconds=30, retry=False):
        def is_empty():
            if retry:
                self.retry()
            return not self.queue()

        wait_until(is_empty, lambda: f"still queued: {json.dumps(self.queue()[:3], indent=1)}",
                   seconds, poll=0.1)
