"""Machines to install our packages on: each is a Debian in a folder, run in namespaces of its own.

The Debian is made once by debootstrap and then only read; what a machine changes
is a layer over it (overlayfs), thrown away with the test. Programs run on it with
Machine.run; Machine.booted runs systemd as its first process, with no network but
loopback, as a container would.
"""

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from harness.patience import until
from harness.process import program

HERE = Path(__file__).resolve().parent
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
# Beyond what debootstrap calls minimal: what our packages are started by, and what tests look with.
INCLUDED = "systemd,procps,ca-certificates"
CGROUPS = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]


def codename():
    """This host's release, for which the packages were built."""
    return re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)[1]


def mirror():
    """The first mirror that this host's apt uses for its own release."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(f.read_text() for f in files if f.is_file() and f.suffix in (".list", ".sources"))
    found = re.search(r"^(?:URIs:\s*|deb\s+(?:\[[^]]*\]\s*)?)(https?://\S+/(?:debian|ubuntu)/?)(?:\s|$)", text, re.M)
    return found[1] if found else "http://deb.debian.org/debian"


def cgroup_root():
    """Where a cgroup of version 2 can be made; None where there is none."""
    return next((g for g in CGROUPS if (g / "cgroup.procs").exists()), None)


def impossible():
    """Why no machine can be had here; '' when it can."""
    if os.geteuid() != 0:
        return "only root makes machines"
    tried = subprocess.run([program("unshare"), "--mount", "--pid", "--fork", "--net", "true"], capture_output=True)
    if tried.returncode != 0:
        return "namespaces are not allowed here"
    return "" if shutil.which("debootstrap", path=CLEAN["PATH"]) else "debootstrap is not installed (make deps-deploy)"


def debian(folder):
    """The Debian that machines are layers over: made when it is not there yet."""
    base = folder / f"base-{codename()}"
    if (base / "made").exists():
        return base
    if base.exists():
        shutil.rmtree(base)
    done = subprocess.run(
        [program("debootstrap"), "--variant=minbase", f"--include={INCLUDED}", codename(), base, mirror()],
        capture_output=True, text=True, timeout=900, env={**os.environ, **CLEAN},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # The mirror, and how it is reached, are this host's; there is nobody to log in.
    for proxy in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
        shutil.copy(proxy, base / "etc/apt/apt.conf.d")
    (base / "etc/resolv.conf").unlink(missing_ok=True)
    (base / "etc/resolv.conf").symlink_to("/run/resolv.conf")
    (base / "made").touch()
    return base


class Machine:
    def __init__(self, folder, cache, name):
        self.name = name
        self.folder = folder
        self.cache = cache
        self.base = debian(cache)
        self.root = folder / "root"
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True)
        (cache / "archives/partial").mkdir(parents=True, exist_ok=True)
        self.first = None  # host's number of the first process while it is booted

    def _enter(self, words, net, cgroup=False):
        kinds = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child"]
        kinds += ["--net"] * (net == "none") + ["--cgroup"] * cgroup
        return [program("unshare"), *kinds, str(HERE / "enter.sh"), str(self.base), str(self.folder),
                str(self.cache / "archives"), *map(str, words)]

    def run(self, *words, net="none", within=60, ok=True):
        """One program to its end, as root. While the machine is booted, beside what runs there."""
        if self.first:
            words = [program("nsenter"), f"--target={self.first}", "--all", *words]
        else:
            words = self._enter(words, net)
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=within, stdin=subprocess.DEVNULL,
                              env={**CLEAN, "MACHINE_NET": net})
        assert not ok or done.returncode == 0, f"{self.name}: {words} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def sh(self, script, **how):
        return self.run("sh", "-euc", script, **how)

    def put(self, path, text, mode=0o644):
        """A file, made before the machine is booted or while it runs."""
        if self.first:
            done = subprocess.run(
                [program("nsenter"), f"--target={self.first}", "--all", "sh", "-c", f"umask 077; cat > {path}; chmod {mode:o} {path}"],
                input=text, text=True, capture_output=True, timeout=20, env=CLEAN)
            assert done.returncode == 0, done.stderr
        else:
            there = self.folder / "upper" / path.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text)
            there.chmod(mode)

    def install(self, *packages):
        """Package files of ours, with all that they depend on and nothing that they only recommend."""
        inside = self.folder / "upper/packages"
        inside.mkdir(exist_ok=True)
        for p in packages:
            shutil.copy(p, inside)
        names = " ".join(f"/packages/{Path(p).name}" for p in packages)
        self.sh(f"apt-get -qq update && apt-get -y -qq --no-install-recommends install {names}", net="host", within=600)

    @contextlib.contextmanager
    def booted(self):
        """systemd runs as the first process, and what is enabled was started."""
        above = cgroup_root()
        group = above / f"vedette-{self.name}-{os.getpid()}"
        group.mkdir()
        log = open(self.folder / "console.log", "ab")
        words = self._enter(["/lib/systemd/systemd", "--unit=multi-user.target"], "none", cgroup=True)
        # The shell is in the group when unshare makes that group the root of what systemd sees.
        boot = subprocess.Popen(
            ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *words], stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={**CLEAN, "MACHINE_NET": "none", "MACHINE_CGROUP": "yes", "container": "vedette-test"})
        try:
            self.first = until(lambda: self._first_of(boot.pid), 30, lambda: "systemd runs: " + (self.folder / "console.log").read_text()[-2000:])
            until(lambda: self.run("systemctl", "is-system-running", ok=False).stdout.strip() in ("running", "degraded"), 90,
                  lambda: self.run("systemctl", "list-jobs", ok=False).stdout, every=0.3)
            yield self
        finally:
            self.first = None
            boot.kill()  # and --kill-child with it the first process, which ends all others
            boot.wait(30)
            log.close()
            self._leave(group)

    def _first_of(self, pid):
        """The child of unshare, once it has become systemd."""
        with contextlib.suppress(OSError, IndexError):
            child = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        return None

    @staticmethod
    def _leave(group):
        """The cgroups below go once their processes have."""
        end = time.monotonic() + 20
        while group.exists():
            for g in sorted(group.rglob("*/"), key=lambda g: -len(g.parts)):
                with contextlib.suppress(OSError):
                    g.rmdir()
            with contextlib.suppress(OSError):
                group.rmdir()
            if time.monotonic() > end:
                raise AssertionError(f"{group} does not go")
            time.sleep(0.05)

    # What units say of themselves.
    def show(self, unit, what):
        return self.run("systemctl", "show", "--value", f"--property={what}", unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, ok=False).stdout
