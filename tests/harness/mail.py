"""A real SMTP server that keeps what it is sent, and can be a bad one.

    mail = Mail(pki=None, tls="never")       tls: "never", "starttls", "implicit"
    mail.behaves("refuse" | "later" | "hang" | "accept")
    mail.away(); mail.back()                 nobody listens; the same port again
    mail.messages                            what was accepted, parsed
"""

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from .aloop import Background
from .patience import until


@dataclass
class Letter:
    at: float
    sender: str
    recipients: list
    message: EmailMessage
    tls: bool  # whether it came over an encrypted connection
    login: str  # who logged in, "" for nobody

    @property
    def subject(self):
        return str(self.message["Subject"])

    @property
    def text(self):
        part = self.message.get_body(("plain",)) or self.message
        return part.get_content()


class Mail:
    def __init__(self, pki=None, tls="never", login=None, host="127.0.0.1", background=None):
        self.background = background or Background()
        self._own_background = background is None
        self.host, self.port, self.tls, self.login = host, 0, tls, login
        self.how = "accept"
        self.attempts = []  # time of every message offered, taken or not
        self.messages = []
        self._server = None
        self._transports = set()
        self._context = None
        if tls != "never":
            leaf = pki.leaf(f"mail-{tls}", "localhost", "127.0.0.1")
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(leaf.cert, leaf.key)
        self.back()

    @property
    def url(self):
        """As the setting mail.server takes it."""
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://{self.host}:{self.port}"

    def behaves(self, how):
        assert how in ("accept", "refuse", "later", "hang")
        self.how = how

    def away(self):
        self.background.do(self._close())

    def back(self):
        self.background.do(self._listen())

    def about(self, word):
        """Accepted letters whose subject has this word in it."""
        return [m for m in list(self.messages) if word in m.subject]

    def wait(self, n, word="", within=10):
        return until(
            lambda: len(self.about(word)) >= n and self.about(word),
            within,
            lambda: f"{n} letters about {word!r}; there are {[m.subject for m in self.messages]}",
        )

    def close(self):
        self.away()
        if self._own_background:
            self.background.close()

    # ── what aiosmtpd calls ──

    async def handle_DATA(self, server, session, envelope):
        self.attempts.append(time.time())
        if self.how == "hang":
            await asyncio.sleep(3600)
        if self.how == "refuse":
            return "554 5.7.1 no thank you"
        if self.how == "later":
            return "451 4.3.2 come back later"
        login = session.auth_data.login.decode() if session.auth_data else ""
        self.messages.append(
            Letter(
                time.time(), envelope.mail_from, list(envelope.rcpt_tos),
                message_from_bytes(envelope.original_content or envelope.content, policy=policy.default),
                session.ssl is not None or self.tls == "implicit", login,
            )
        )
        return "250 2.0.0 kept"

    def _authenticate(self, server, session, envelope, mechanism, auth_data):
        good = isinstance(auth_data, LoginPassword) and (
            auth_data.login.decode(), auth_data.password.decode()
        ) == tuple(self.login)
        return AuthResult(success=good, handled=False, auth_data=auth_data)

    def _protocol(self):
        smtp = SMTP(
            self, hostname="mail.test", enable_SMTPUTF8=True, timeout=300,
            tls_context=self._context if self.tls == "starttls" else None,
            require_starttls=self.tls == "starttls",
            authenticator=self._authenticate if self.login else None,
            auth_required=bool(self.login),
            auth_require_tls=self.tls == "starttls",
            loop=self.background.loop,
        )
        made = smtp.connection_made

        def connection_made(transport):
            self._transports.add(transport)
            made(transport)

        smtp.connection_made = connection_made
        return smtp

    async def _listen(self):
        if not self._server:
            self._server = await self.background.loop.create_server(
                self._protocol, self.host, self.port,
                ssl=self._context if self.tls == "implicit" else None, reuse_address=True,
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        server, self._server = self._server, None
        if server:
            server.close()
        for t in self._transports:
            with contextlib.suppress(Exception):
                t.abort()
        self._transports.clear()
