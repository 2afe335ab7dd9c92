"""A real Exim as client and as next hop, in folders and at a port of its own."""

import os
import pathlib
import pwd
import subprocess

from . import ports
from .wait import wait_until

PROGRAM = "/usr/local/lib/posthaste-test/exim4/usr/sbin/exim4"

_CONFIG = """\
primary_hostname = exim.test
exim_user = {user}
exim_group = {group}
trusted_users = root
never_users =
deliver_drop_privilege
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = {port}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
message_size_limit = 50M
smtputf8_advertise_hosts = *
tls_advertise_hosts =
dsn_advertise_hosts = *
accept_8bitmime
log_selector = +received_recipients +smtp_confirmation
acl_smtp_rcpt = take
acl_smtp_data = accept

begin acl
take:
  accept control = dkim_disable_verify

begin routers
store:
  driver = accept
  domains = exim.test
  transport = store
relay:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = relay

begin transports
store:
  driver = appendfile
  directory = {folder}/box
  maildir_format
  create_directory
  user = {user}
  group = {group}
  return_path_add
relay:
  driver = smtp
  port = {relay_port}
  hosts_try_fastopen =
  hosts_try_dane =
  allow_localhost

begin retry
* * F,1h,1m
"""


class Exim:
    """What is for exim.test goes into a Maildir, all the rest to `relay_port`. Needs root."""

    def __init__(self, folder, relay_port):
        self.folder = pathlib.Path(folder) / "exim"
        self.port = ports.free_port()
        owner = pwd.getpwnam("Debian-exim")
        for name in ("spool", "log", "box"):
            (self.folder / name).mkdir(parents=True)
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.config = self.folder / "exim.conf"
        self.config.write_text(_CONFIG.format(folder=self.folder, port=self.port, user=owner.pw_uid,
                                              group=owner.pw_gid, relay_port=relay_port))
        self.process = None

    def start(self):
        with open(self.folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(
                [PROGRAM, "-C", str(self.config), "-bdf", "-q1m"], stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr)
        wait_until(lambda: (self.folder / "exim.pid").exists() or self.process.poll() is not None,
                   self.log)
        assert self.process.poll() is None, self.log()
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def log(self):
        return "".join(file.read_text("utf-8", "replace") for file in
                       [self.folder / "stderr", *sorted((self.folder / "log").glob("*"))]
                       if file.exists())

    def lines(self, mark):
        """The lines of the main log with this mark: "<=" arrivals, "=>" deliveries."""
        file = self.folder / "log" / "mainlog"
        text = file.read_text("utf-8", "replace") if file.exists() else ""
        return [line for line in text.splitlines() if f" {mark} " in line]
