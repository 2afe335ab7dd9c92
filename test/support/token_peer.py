"""A smart host that lets nobody in without a bearer token: aiosmtpd with AUTH XOAUTH2 and
OAUTHBEARER [RFC7628], which take nothing but what their descriptions say."""

import asyncio
import base64
import binascii
import json
import re
import threading

from aiosmtpd import smtp

from . import background, ports
from .wait import wait_until

_XOAUTH2 = re.compile(rb"user=([^\x01]+)\x01auth=Bearer ([!-~]+)\x01\x01")
_OAUTHBEARER = re.compile(rb"n,a=([^\x01,]+),\x01(?:(?:host|port)=[^\x01]*\x01)*"
                          rb"auth=Bearer ([!-~]+)\x01\x01")


class _Smtp(smtp.SMTP):
    line_length_limit = 12_290  # [RFC4954 4]


class TokenPeer:
    """`tokens`: those that are taken, of `user`; may be changed at any time. `logins` lists
    (mechanism, user, token, let in), `mistakes` what no client may do."""

    def __init__(self, tls, user, tokens, mechanisms=("XOAUTH2", "OAUTHBEARER")):
        self.port = ports.free_port()
        self.user, self.tokens = user, list(tokens)
        self.messages, self.logins, self.mistakes = [], [], []
        self._lock = threading.Lock()
        for name in {"XOAUTH2", "OAUTHBEARER"} & set(mechanisms):
            setattr(self, f"auth_{name}", getattr(self, f"_{name.lower()}"))
        self._server = background.run(self._listen(
            lambda: _Smtp(self, hostname="token.test", tls_context=tls, auth_required=True,
                          auth_require_tls=True, require_starttls=True,
                          auth_exclude_mechanism=("PLAIN", "LOGIN"))))

    async def _listen(self, make):
        return await asyncio.get_running_loop().create_server(make, "127.0.0.1", self.port)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def _xoauth2(self, server, arguments):
        return await self._log_in(server, arguments, "XOAUTH2", _XOAUTH2, b"")

    async def _oauthbearer(self, server, arguments):
        return await self._log_in(server, arguments, "OAUTHBEARER", _OAUTHBEARER, b"\1")

    async def _log_in(self, server, arguments, mechanism, form, resignation):
        if len(arguments) > 1:
            try:
                response = base64.b64decode(arguments[1], validate=True)
            except binascii.Error:
                return self._mistake("no base 64")
        else:
            response = await server.challenge_auth("")
        found = form.fullmatch(response) if isinstance(response, bytes) else None
        if not found:
            return self._mistake(f"{mechanism}: {response!r}")
        user = found[1].decode().replace("=2C", ",").replace("=3D", "=")
        token = found[2].decode()
        good = user == self.user and token in self.tokens
        self.logins.append((mechanism, user, token, good))
        if not good:
            reasons = json.dumps({"status": "401", "schemes": "bearer", "scope": "mail"})
            answer = await server.challenge_auth(reasons)
            if answer != resignation:
                return self._mistake(f"{mechanism}: {answer!r} to a refusal")
        return smtp.AuthResult(success=good, handled=False, auth_data=smtp.LoginPassword(b"", b""))

    def _mistake(self, what):
        self.mistakes.append(what)
        return smtp.AuthResult(success=False, handled=False, message="501 5.5.2 malformed")

    async def handle_DATA(self, server, session, envelope):
        with self._lock:
            self.messages.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 2.0.0 kept"

    def wait(self, count=1, seconds=20):
        wait_until(lambda: len(self.messages) >= count,
                   lambda: f"{len(self.messages)} of {count} messages, logins {self.logins}, "
                           f"mistakes {self.mistakes}", seconds)
        return list(self.messages)

    def close(self):
        async def end():
            self._server.close()

        background.run(end())
