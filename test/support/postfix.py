"""A real Postfix, in folders and at a port of its own; the machine's own is never touched."""

import os
import pathlib
import pwd
import subprocess

from . import ports
from .maildir import Maildir
from .wait import wait_until

_MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
"""

_MAIN_CF = """\
compatibility_level = 3.6
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_client_connection_count_limit = 0
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtp_tls_security_level = {relay_tls}
smtp_tls_loglevel = 1
smtp_host_lookup = native
smtp_dns_support_level = disabled
relayhost = {relayhost}
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{nobody.pw_uid}
virtual_gid_maps = static:{nobody.pw_gid}
"""


class Postfix:
    """Takes mail for anywhere from this machine. What is for postfix.test goes into one Maildir,
    all the rest goes on to `relay_port`, by STARTTLS unless `relay_tls` is "none". `more`: what
    stands in main.cf besides, and goes before what is made here. Needs root."""

    def __init__(self, folder, certificate, key, relay_port, relay_tls="encrypt", more=None):
        self.folder = pathlib.Path(folder) / "postfix"
        self.port = ports.free_port()
        owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        for name in ("config", "queue", "data", "log", "mail"):
            (self.folder / name).mkdir(parents=True)
        os.chown(self.folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        self.config = self.folder / "config"
        (self.config / "main.cf").write_text(_MAIN_CF.format(
            folder=self.folder, certificate=certificate, key=key, nobody=nobody,
            relay_tls=relay_tls,
            relayhost=f"[127.0.0.1]:{relay_port}") + "".join(
                f"{name} = {value}\n" for name, value in (more or {}).items()))
        (self.config / "master.cf").write_text(_MASTER_CF.format(port=self.port))
        self.maildir = Maildir(self.folder / "mail" / "box")

    def _postfix(self, command):
        return subprocess.run(["postfix", "-c", str(self.config), command], capture_output=True,
                              text=True, timeout=30)

    def start(self):
        started = self._postfix("start")
        assert started.returncode == 0, started.stderr + self.log()
        wait_until(lambda: self._postfix("status").returncode == 0, self.log)
        return self

    def stop(self):
        self._postfix("stop")

    def log(self):
        file = self.folder / "log" / "maillog"
        return file.read_text() if file.exists() else "no log"
