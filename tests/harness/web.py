"""A real nginx with one site for each kind of certificate."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from .patience import until
from .process import Process, free_port, program

CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 1024;
events {{ worker_connections 512; }}
http {{
  log_format by_host '$host $request_method $request_uri $status "$http_user_agent"';
  access_log {folder}/access.log by_host;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server_tokens off;
{servers}
}}
"""

SERVER = """
  server {{
    listen {address}:{port}{ssl};
    server_name {host};
    {extra}
    location / {{ default_type text/plain; return 200 "well\\n"; }}
    location /long {{ alias {folder}/long.txt; }}
  }}
"""

# slug: (host of the URL, names in the certificate, how it is made)
SITES = {
    "good-p256": ("good-p256.test", ["good-p256.test"], {}),
    "good-rsa": ("good-rsa.test", ["good-rsa.test"], {"kind": "rsa"}),
    "wildcard": ("shop.wild.test", ["*.wild.test"], {}),
    "expired": ("expired.test", ["expired.test"], {"days": (-90, -5)}),
    "not-yet": ("not-yet.test", ["not-yet.test"], {"days": (5, 90)}),
    "wrong-name": ("wrong-name.test", ["somebody-else.test"], {}),
    "unknown-issuer": ("unknown-issuer.test", ["unknown-issuer.test"], {"issuer": "stranger"}),
    "self-signed": ("self-signed.test", ["self-signed.test"], {"issuer": "self"}),
    "no-chain": ("no-chain.test", ["no-chain.test"], {"with_chain": False}),
    "expired-wrong-name": ("expired-wrong-name.test", ["other.test"], {"days": (-90, -5)}),
}


@dataclass
class WebSite:
    host: str
    url: str
    ends: float = 0.0  # the certificate's end; 0 without TLS


class Web:
    """`sites` by slug, plus "plain" without TLS and "tls12" which speaks nothing newer."""

    def __init__(self, pki, resolver, net=250):
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-web-")
        folder = self._folder.name
        Path(folder, "long.txt").write_text("a line of a long page\n" * 20000 + "the needle\n")
        for attempt in range(5):
            port = free_port()
            self.sites, blocks = {}, []

            def add(slug, host, leaf, extra=""):
                address = f"127.{net}.0.{len(blocks) + 1}"
                if leaf:
                    extra += f" ssl_certificate {leaf.cert}; ssl_certificate_key {leaf.key};"
                blocks.append(
                    SERVER.format(
                        address=address, port=port, ssl=" ssl" if leaf else "", host=host, extra=extra, folder=folder
                    )
                )
                resolver.name(host, address)
                scheme = "https" if leaf else "http"
                self.sites[slug] = WebSite(host, f"{scheme}://{host}:{port}/", leaf.ends if leaf else 0.0)

            for slug, (host, names, how) in SITES.items():
                add(slug, host, pki.leaf(slug, *names, **how))
            add("tls12", "tls12.test", pki.leaf("tls12", "tls12.test"), "ssl_protocols TLSv1.2;")
            add("plain", "plain.test", None)
            by_number = f"127.{net}.0.{len(blocks) + 1}"
            add("by-number", by_number, pki.leaf("by-number", by_number))
            conf = Path(folder, "nginx.conf")
            conf.write_text(CONF.format(folder=folder, servers="".join(blocks)))
            self.process = Process(
                "nginx", [program("nginx"), "-e", "stderr", "-p", folder, "-c", conf], Path(folder, f"log.{attempt}")
            )
            pidfile = Path(folder, "nginx.pid")
            until(lambda: pidfile.exists() or not self.process.alive(), 10, "nginx starts or gives up")
            if self.process.alive():
                return
        raise RuntimeError("nginx does not start:\n" + self.process.said())

    def asked(self):
        """The access log's lines."""
        path = Path(self._folder.name, "access.log")
        return path.read_text().splitlines() if path.exists() else []

    def close(self):
        self.process.kill()  # it has nothing to save, and may miss a SIGTERM in its first moments
        self._folder.cleanup()
