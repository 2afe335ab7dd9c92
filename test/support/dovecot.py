"""A real Dovecot: takes mail by LMTP, shows it by IMAP, and checks passwords for other servers, in
folders and at ports of its own."""

import imaplib
import pathlib
import pwd
import smtplib
import subprocess

from . import ports
from .wait import wait_until

PASSWORD = "open sesame"

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
hostname = dovecot.test
postmaster_address = postmaster@dovecot.test
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256
recipient_delimiter = +
first_valid_uid = 1
mail_location = maildir:~/box
mail_plugins = quota
default_vsz_limit = 128M
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
plugin {{
  quota = maildir:limit
  quota_rule = *:storage=1G
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class Dovecot:
    """`users`: local-part to quota in octets, or None. Needs root."""

    def __init__(self, folder, domain, users):
        self.folder = pathlib.Path(folder) / "dovecot"
        self.domain = domain
        self.lmtp_port, self.imap_port = ports.free_port(), ports.free_port()
        self.unix = self.folder / "lmtp"
        self.auth = self.folder / "auth"  # By which other servers check passwords.
        owner = pwd.getpwnam("nobody")
        self.process = None
        self.folder.mkdir(parents=True)
        (self.folder / "home").mkdir()
        (self.folder / "home").chmod(0o777)
        self.config = self.folder / "dovecot.conf"
        self.config.write_text(_CONFIG.format(folder=self.folder, lmtp_port=self.lmtp_port,
                                              imap_port=self.imap_port))
        lines = []
        for user, quota in users.items():
            more = f"userdb_quota_rule=*:bytes={quota}" if quota else ""
            lines.append(f"{user}@{domain}:{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::"
                         f"{self.folder}/home/{user}::{more}\n")
        (self.folder / "users").write_text("".join(lines))

    def start(self):
        with open(self.folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(["dovecot", "-F", "-c", str(self.config)],
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        wait_until(lambda: self.is_ready() or self.process.poll() is not None, self.log)
        assert self.process.poll() is None, self.log()
        return self

    def is_ready(self):
        try:
            with smtplib.LMTP("127.0.0.1", self.lmtp_port) as client:
                return client.noop()[0] == 250
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def log(self):
        return "".join(file.read_text("utf-8", "replace") for file in
                       (self.folder / "stderr", self.folder / "log") if file.exists())

    def messages(self, user):
        """All of a user's messages as IMAP gives them."""
        with imaplib.IMAP4("127.0.0.1", self.imap_port) as client:
            client.login(f"{user}@{self.domain}", PASSWORD)
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            if not numbers:
                return []
            _, parts = client.fetch(b"1:*", "(BODY.PEEK[])")
            return [part[1] for part in parts if isinstance(part, tuple)]

    def wait(self, user, count=1, seconds=20):
        wait_until(lambda: len(self.messages(user)) >= count,
                   lambda: f"{len(self.messages(user))} of {count}; " + self.log(), seconds, 0.1)
        return self.messages(user)
