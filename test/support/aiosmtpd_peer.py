"""aiosmtpd as next hop, in the event loop of the peers."""

import asyncio
import threading

from aiosmtpd import lmtp, smtp

from . import background, ports
from .wait import wait_until


class Peer:
    """`protocol`: "smtp" or "lmtp". Keeps (reverse-path, forward-paths, content, options). `login`:
    (user, password) without which nothing is taken, over TLS alone."""

    def __init__(self, protocol="smtp", utf8=True, tls=None, login=None):
        self.port = ports.free_port()
        self.messages = []
        self.logins = []
        self._lmtp = protocol == "lmtp"
        more = {}
        if login:
            more = {"auth_required": True, "auth_require_tls": True,
                    "authenticator": self._authenticator(login)}
        self._lock = threading.Lock()
        make = smtp.SMTP if protocol == "smtp" else lmtp.LMTP
        self._server = background.run(self._listen(
            lambda: make(self, enable_SMTPUTF8=utf8, hostname="aio.test", decode_data=False,
                         tls_context=tls, require_starttls=bool(login), **more)))

    def _authenticator(self, login):
        def check(server, session, envelope, mechanism, data):
            found = (data.login.decode(), data.password.decode())
            self.logins.append((mechanism, *found))
            return smtp.AuthResult(success=found == login)

        return check

    async def _listen(self, make):
        return await asyncio.get_running_loop().create_server(make, "127.0.0.1", self.port)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def handle_DATA(self, server, session, envelope):
        with self._lock:
            self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content,
                                  envelope.mail_options))
        # By LMTP one reply for each recipient.
        return "\r\n".join(["250 2.0.0 kept"] * (len(envelope.rcpt_tos) if self._lmtp else 1))

    def wait(self, count=1, seconds=20):
        wait_until(lambda: len(self.messages) >= count,
                   lambda: f"{len(self.messages)} of {count} messages", seconds)
        return list(self.messages)

    def close(self):
        async def end():
            self._server.close()

        background.run(end())
