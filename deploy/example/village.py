"""A village of local sites, each with a habit of its own.

    healthy   answers 200
    slow      answers 200 after a second and a half
    headless  answers 405 to HEAD and 200 to GET, as many real sites do
    broken    answers 500
    forged    https with a certificate that nobody vouches for
    moody     answers 200, then 503 for a while, then 200 again

Only Python's standard library and the openssl command; ports that nobody chose.
"""
import asyncio
import os
import ssl
import subprocess
import time

WELL, DOWN_AFTER_S, BACK_AFTER_S = 200, 8, 18


def certificate(folder):
    """A self-signed certificate, made anew: (certificate, key)."""
    cert, key = os.path.join(folder, "forged.pem"), os.path.join(folder, "forged.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=forged.example", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Village:
    def __init__(self, folder):
        self.folder = folder
        self.began = time.monotonic()
        self.servers = []
        self.urls = {}

    def moody_status(self):
        age = time.monotonic() - self.began
        return 503 if DOWN_AFTER_S <= age < BACK_AFTER_S else WELL

    async def start(self):
        habits = {
            "healthy": lambda method: (WELL, 0),
            "slow": lambda method: (WELL, 1.5),
            "headless": lambda method: (405 if method == "HEAD" else WELL, 0),
            "broken": lambda method: (500, 0),
            "forged": lambda method: (WELL, 0),
            "moody": lambda method: (self.moody_status(), 0),
        }
        for name, habit in habits.items():
            tls = None
            if name == "forged":
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(*certificate(self.folder))
            server = await asyncio.start_server(self.answering(habit), "127.0.0.1", 0, ssl=tls)
            port = server.sockets[0].getsockname()[1]
            self.urls[name] = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
            self.servers.append(server)
        self.began = time.monotonic()

    @staticmethod
    def answering(habit):
        async def answer(reader, writer):
            try:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                method = head.split(b" ", 1)[0].decode("latin-1")
                status, wait_s = habit(method)
                await asyncio.sleep(wait_s)
                body = b"" if method == "HEAD" else b"welcome to the village\n"
                writer.write(f"HTTP/1.1 {status} Habit\r\nContent-Length: {len(body)}\r\n"
                             "Content-Type: text/plain\r\nConnection: close\r\n\r\n".encode() + body)
                await writer.drain()
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, OSError):
                pass  # a visitor who leaves early is not our trouble
            finally:
                writer.close()
        return answer

    async def stop(self):
        for server in self.servers:
            server.close()
