"""The image: its Dockerfile as text, and built and run with buildah where that is installed."""

import json
import re
import shutil
import subprocess

import pytest

from harness.programs import ROOT
import machine as machines

FOLDER = ROOT / "deploy/docker"


def instructions():
    """[(word, rest)] of the Dockerfile, continued lines together."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def of(word):
    return [rest for w, rest in instructions() if w == word]


def test_it_is_not_root():
    last = [rest for word, rest in instructions() if word in ("FROM", "USER")][-1]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last), last


def test_what_it_copies_is_there():
    for rest in of("COPY"):
        *sources, _ = [w for w in rest.split() if not w.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source


def test_healthy_is_a_program_that_a_host_without_daemons_passes():
    done = subprocess.run([FOLDER / "vedette-healthy", "1"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


def test_its_packages_are_debians():
    for rest in of("RUN"):
        for words in re.findall(r"--no-install-recommends((?:\s+[a-z0-9./_*-]+)+)", rest):
            for name in (w for w in words.split() if "/" not in w):
                assert subprocess.run(["apt-cache", "show", name], capture_output=True, timeout=60).returncode == 0, name


# ── Built ───────────────────────────────────────────────────────────────────

class Buildah:
    """buildah without a daemon, a registry or a store of this host's."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, command, *words, within=60, ok=True):
        done = subprocess.run(
            ["buildah", "--root", self.folder / "root", "--runroot", self.folder / "run", "--storage-driver", "vfs", command, *words],
            capture_output=True, text=True, timeout=within, cwd=ROOT)
        assert not ok or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done


@pytest.fixture(scope="module")
def image(debs, tmp_path_factory):
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed (make deps-deploy)")
    from conftest import BUILD
    buildah = Buildah(tmp_path_factory.mktemp("images"))
    base = buildah("from", "scratch").stdout.strip()
    buildah("add", base, machines.debian(BUILD / "machines"), "/", within=300)
    buildah("commit", "--rm", base, "localhost/debian", within=300)
    buildah("build", "--isolation", "chroot", "--network", "host", "--pull-never", "--build-arg", "DEBIAN=localhost/debian",
            "--ignorefile", FOLDER / "Dockerfile.dockerignore", "--volume", "/etc/resolv.conf:/run/resolv.conf:ro",
            "--format", "docker", "-t", "vedette", "-f", FOLDER / "Dockerfile", ".", within=2400)
    yield buildah
    buildah("rmi", "--all", "--force", within=120, ok=False)


@pytest.fixture(scope="module")
def container(image):
    return image("from", "--pull-never", "vedette").stdout.strip()


def run(image, container, *words, **how):
    return image("run", "--isolation", "chroot", container, "--", *words, **how)


def test_the_image_says_what_it_is(image):
    config = json.loads(image("inspect", "--type", "image", "vedette").stdout)["Docker"]["config"]
    assert config["User"] == "10001:10001" and config["WorkingDir"] == "/var/lib/vedette"
    assert config["Healthcheck"]["Test"] == ["CMD", "vedette-healthy"]
    assert "VEDETTE_CONFIG=/etc/vedette/vedette.yaml" in config["Env"]


@pytest.mark.parametrize("program", ["vedette", "vedette-coordinator", "vedette-collector", "vedette-worker", "vedette-loadgen"])
def test_each_program_starts_in_it(image, container, program):
    assert "vedette" in run(image, container, program, "--version").stdout


def test_it_is_a_user_without_rights(image, container):
    assert run(image, container, "id", "-u").stdout.strip() == "10001"
    assert run(image, container, "sh", "-c", "touch /var/lib/vedette/x && ! touch /etc/x 2>/dev/null && echo so").stdout.strip() == "so"


def test_nothing_is_in_it_that_only_building_needs(image, container):
    said = run(image, container, "sh", "-c", "command -v gcc make dpkg-buildpackage systemctl; ls -A /packages /src 2>/dev/null; true").stdout
    assert said == ""


def test_healthy_is_in_it(image, container):
    run(image, container, "vedette-healthy")


def test_it_keeps_watch(image, container):
    """Coordinator, collector and worker in it, on simulated sites of its own."""
    said = run(image, container, "sh", "-euc", """
        vedette-loadgen --sites 10 --every 1s --timeout 500ms --names yes --rule 'site 3 answer 503' --report 0s --for 20s \\
            --write sites.yaml --write-config rehearsal.yaml --ca-file root.pem &
        while [ ! -s rehearsal.yaml ]; do sleep 0.1; done
        vedette up --config rehearsal.yaml --store sqlite:w.db --sites sites.yaml --for 8s""", within=90)
    assert re.search(r"DOWN\s+s3\b", said.stdout), said.stdout[-2000:] + said.stderr[-2000:]
