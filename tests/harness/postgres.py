#!/usr/bin/python3
"""A PostgreSQL server of our own: in a folder that is gone afterwards, on a Unix socket
there, run by somebody without rights (the server refuses root), and not synced to disk.

    tests/harness/postgres.py     starts one, prints its URL, ends it when stdin ends

    with Server() as server:
        url = server.schema()     # a place for one store
        server.crash();  server.start()

Tests that need one and not one for themselves share that of VEDETTE_TEST_POSTGRES.
"""
import contextlib
import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SHARED = "VEDETTE_TEST_POSTGRES"
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",  # the machine will not lose power while a test runs; processes may die
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
    "max_parallel_workers_per_gather": "0",
}


class Missing(Exception):
    pass


def programs():
    """Where initdb and postgres are: Debian keeps them out of the PATH."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        raise Missing("PostgreSQL is not installed: make deps")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))


def without_rights():
    """As whom the server runs: None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Missing("there is no user to run PostgreSQL as: make deps")


class Server:
    def __init__(self, settings=(), host=None):
        """On a host of its own (network.py), its neighbours may connect as well."""
        self.host = host
        if host:
            settings = {**dict(settings), "listen_addresses": f"'{host.address}'"}
        self.bin = programs()
        self.who = without_rights()
        self.folder = tempfile.mkdtemp(prefix="vedette-pg-")
        os.chmod(self.folder, 0o755)
        if self.who:
            os.chown(self.folder, self.who.pw_uid, self.who.pw_gid)
        self.process = None
        self.schemas = 0
        try:
            self._run("initdb", "-D", self.data, "-U", "vedette", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as conf:
                conf.write(f"unix_socket_directories = '{self.folder}'\n")
                conf.writelines(f"{name} = {value}\n" for name, value in {**SETTINGS, **dict(settings)}.items())
            if host:
                with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="ascii") as allowed:
                    allowed.write("host all all 10.0.0.0/8 trust\n")
            self.start()
            self._run("createdb", "-h", self.folder, "-U", "vedette", "vedette")
        except BaseException:
            self.close()
            raise

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    @property
    def url(self):
        return f"postgresql:///vedette?host={self.folder}&user=vedette"

    def _as_who(self):
        return {"user": self.who.pw_uid, "group": self.who.pw_gid, "extra_groups": []} if self.who else {}

    def _run(self, program, *args):
        done = subprocess.run([os.path.join(self.bin, program), *args], capture_output=True, text=True, check=False,
                              cwd=self.folder, timeout=120, **self._as_who())
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
        return done.stdout

    def start(self):
        log = open(os.path.join(self.folder, "log"), "ab")
        with log:
            who = ["--reuid", self.who.pw_name, "--regid", str(self.who.pw_gid), "--clear-groups"] if self.who else []
            inside = self.host.inside if self.host else ()
            self.process = subprocess.Popen(
                [*inside, "setpriv", "--pdeathsig", "QUIT", *who, "--", os.path.join(self.bin, "postgres"), "-D", self.data],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True)
        deadline = time.monotonic() + 60
        while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder], check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as said:
                    raise RuntimeError("PostgreSQL does not start: " + said.read()[-2000:])
            time.sleep(0.05)

    def _end(self, number):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def stop(self):
        """In order: connections are ended, all is written."""
        self._end(signal.SIGINT)

    def crash(self):
        """At once; what it had acknowledged is in its log and comes back."""
        self._end(signal.SIGQUIT)

    def freeze(self, frozen=True):
        """All of it, so that connections stay open and nobody answers."""
        os.killpg(self.process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def close(self):
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def schema(self):
        self.schemas += 1
        return new_schema(self.url, f"t{os.getpid()}_{self.schemas}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def new_schema(url, name):
    """A place for one store at a server."""
    ask(url, f"CREATE SCHEMA {name}")
    return f"{url}&options=-csearch_path%3D{name}"


def literal(value):
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


def ask(url, sql, *args):
    """Rows of a query with ? for its arguments, by psql; of anything else none."""
    values = iter(args)
    sql = re.sub(r"\?", lambda _: literal(next(values)), sql)
    rows = sql.lstrip().upper().startswith(("SELECT", "WITH"))
    if rows:
        sql = f"SELECT coalesce(json_agg(t), '[]') FROM ({sql}) t"
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql],
                          capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    pairs = json.loads(done.stdout, object_pairs_hook=lambda row: tuple(v for _, v in row)) if rows else []
    return list(pairs)


def main():
    try:
        with Server() as server:
            print(server.url, flush=True)
            sys.stdin.read()
    except Missing as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(main())
