"""Certificates of every kind that a site may show, made with the openssl command.

One authority that the tests trust (root and intermediate), one that nobody
trusts. Each leaf is a file with its chain, and a key.
"""

import datetime
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .process import program

CONF = """
[ca]
default_ca = ours
[ours]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""


@dataclass
class Leaf:
    cert: str  # with the chain, as a server sends it
    key: str
    ends: float  # time.time() of its notAfter

    def context(self, newest=ssl.TLSVersion.TLSv1_3):
        """For a site that shows it. Sessions may be resumed, by tickets."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = newest
        context.load_cert_chain(self.cert, self.key)
        return context


def _stamp(days):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime("%Y%m%d%H%M%SZ"), at.replace(microsecond=0).timestamp()


class Pki:
    """ca_file is what the programs under test are told to trust."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-pki-")
        self.folder = Path(self._folder.name)
        (self.folder / "index.txt").touch()
        self.root = self._authority("Test Root", None)
        self.intermediate = self._authority("Test Intermediate", self.root)
        self.stranger = self._authority("Unknown Root", None)
        self.ca_file = str(self.folder / "Test-Root.pem")

    def _run(self, *args):
        r = subprocess.run([program("openssl"), *map(str, args)], capture_output=True, text=True, cwd=self.folder)
        assert r.returncode == 0, f"openssl {' '.join(map(str, args))}:\n{r.stderr}"
        return r.stdout

    def _key(self, path, kind):
        if kind == "rsa":
            self._run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
        else:
            self._run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def _sign(self, slug, common_name, section, names, issuer, days):
        conf = self.folder / f"{slug}.cnf"
        conf.write_text(CONF.format(folder=self.folder, names=names or "DNS:unused"))
        key, csr, pem = (self.folder / f"{slug}.{e}" for e in ("key", "csr", "pem"))
        self._run("req", "-new", "-key", key, "-subj", f"/CN={common_name}", "-config", conf, "-out", csr)
        by = ["-selfsign", "-keyfile", key] if issuer is None else ["-cert", issuer.cert, "-keyfile", issuer.key]
        start, _ = _stamp(days[0])
        end, ends = _stamp(days[1])
        self._run(
            "ca", "-batch", "-notext", "-config", conf, "-extensions", section, *by,
            "-startdate", start, "-enddate", end, "-in", csr, "-out", pem,
        )
        return Leaf(str(pem), str(key), ends)

    def _authority(self, name, issuer):
        slug = name.replace(" ", "-")
        self._key(self.folder / f"{slug}.key", "p256")
        return self._sign(slug, name, "authority", None, issuer, (-400, 4000))

    def leaf(self, slug, *hosts, kind="p256", days=(-10, 80), issuer="intermediate", with_chain=True):
        """A certificate for these hosts (names or IPv4 addresses).

        issuer: "intermediate", "stranger" or "self"; days: from when until when,
        counted from now; with_chain: whether the server sends the intermediate.
        """
        names = ",".join(("IP:" if h.replace(".", "").isdigit() else "DNS:") + h for h in hosts)
        self._key(self.folder / f"{slug}.key", kind)
        by = {"intermediate": self.intermediate, "stranger": self.stranger, "self": None}[issuer]
        leaf = self._sign(slug, hosts[0], "leaf", names, by, days)
        if issuer == "intermediate" and with_chain:
            full = self.folder / f"{slug}.full.pem"
            full.write_text(Path(leaf.cert).read_text() + Path(self.intermediate.cert).read_text())
            leaf.cert = str(full)
        return leaf

    def close(self):
        self._folder.cleanup()
