#!/usr/bin/python3
"""Runs the test suites and closes with one line, 'N passed, N failed'.

    tests/run.py                  every phase of `make test`
    tests/run.py unit:asan lint   only these
    tests/run.py --list           what there is

A phase is a kind of test on a variant of the build. Each builds what it needs;
its output is kept in build/log/ and shown when something in it failed.
"""
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness import postgres  # noqa: E402

ROOT = os.path.dirname(HERE)
BUILD = os.environ.get("BUILD", "build")
LOGS = os.path.join(ROOT, BUILD, "log")
CORES = os.cpu_count() or 1
JOBS = str(CORES)

# A sanitizer's finding must end the test, and name the place.
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "halt_on_error=0:exitcode=99:suppressions=" + os.path.join(HERE, "harness", "tsan.supp"),
    "LSAN_OPTIONS": "suppressions=" + os.path.join(HERE, "harness", "lsan.supp") + ":print_suppressions=0",
}


def make(variant, *targets, **extra):
    words = ["make", "-s", "-j" + JOBS, "WERROR=1", "VARIANT=" + variant, "BUILD=" + BUILD]
    return words + [f"{k}={v}" for k, v in extra.items()] + list(targets)


def run(words, log, env=None, timeout=1500):
    """Exit code of the command, its output appended to the log."""
    with open(log, "ab") as out:
        out.write(("$ " + " ".join(words) + "\n").encode())
        out.flush()
        try:
            return subprocess.run(words, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **SANITIZERS, **(env or {})}, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            out.write(b"\n*** took too long, ended\n")
            return 124


def built(variant, log, *targets, **extra):
    return run(make(variant, *targets, **extra), log) == 0


# They wait for real time to pass: begun first, or all would wait for them at the end.
LONG = {"coordinator/test_coordinator", "worker/test_canaries", "worker/test_probe", "coordinator/test_slots",
        "common/test_store_trouble", "collector/test_judge"}
# A program that has none of these has one thread, in which no thread sanitizer finds anything.
THREADS = re.compile(r"\b(pthread_create|zmq_ctx_new|uv_queue_work|uv_thread_create|MHD_start_daemon)\b")


def unit_program(variant, name):
    return os.path.join(BUILD, variant, "unit", name)


def has_threads(variant, name):
    said = subprocess.run(["nm", "--undefined-only", unit_program(variant, name)], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    return bool(THREADS.search(said.stdout))


def unit_names():
    """All there are, the long ones first."""
    folder = os.path.join(HERE, "unit")
    names = [os.path.relpath(os.path.join(at, name), folder)[:-2] for at, _, names in os.walk(folder)
             for name in names if name.startswith("test_") and name.endswith(".c")]
    return sorted(names, key=lambda name: (name not in LONG, name))


def unit_run(variant, name):
    """Exit code and output of one, which says what it did in TAP."""
    out = os.path.join(LOGS, f"unit-{variant}-{name.replace('/', '-')}.log")
    if os.path.exists(out):
        os.remove(out)
    code = run([unit_program(variant, name)], out, env={"CMOCKA_MESSAGE_OUTPUT": "TAP"}, timeout=300)
    with open(out, errors="replace") as f:
        return code, f.read()


def unit(variant, log):
    """Every cmocka program, several side by side, since many only wait. With the thread sanitizer those that have
    threads, which another variant's programs tell before these are built."""
    names = unit_names()
    if variant == "tsan":
        if not built("asan", log, "units"):
            return 0, 1, ["does not build"]
        names = [name for name in names if has_threads("asan", name)]
    if not built(variant, log, *(unit_program(variant, name) for name in names)):
        return 0, 1, ["does not build"]
    with ThreadPoolExecutor(2 * CORES) as pool:
        outcomes = list(pool.map(lambda name: unit_run(variant, name), names))
    passed, bad = 0, []
    for name, (code, text) in zip(names, outcomes):
        good = len(re.findall(r"^ok ", text, re.M))
        wrong = re.findall(r"^not ok \d+ - (\S+)", text, re.M)
        passed += good
        bad += [f"{name}: {w}" for w in wrong]
        if code != 0 and not wrong:
            bad.append(f"{name}: ended with {code}")
        if code == 0 and good == 0:
            bad.append(f"{name}: ran no test")
        if code != 0:
            with open(log, "a") as f:
                f.write(text)
    return passed, len(bad), bad


def pytest(variant, log, *selection, folder="integration"):
    if not built(variant, log, "all"):
        return 0, 1, ["does not build"]
    report = os.path.join(LOGS, f"{folder}-{variant}.xml")
    if os.path.exists(report):
        os.remove(report)
    run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=" + report, *selection,
         f"tests/{folder}"], log, env={"VEDETTE_BIN": os.path.join(ROOT, BUILD, variant, "bin")})
    if not os.path.exists(report):
        return 0, 1, ["pytest did not finish"]
    passed, bad = 0, []
    for case in xml.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            bad.append(case.get("classname", "").split(".")[-1] + "::" + case.get("name"))
        elif case.find("skipped") is None:
            passed += 1
    return passed, len(bad), bad


def integration(variant, log):
    return pytest(variant, log)


def story(variant, log):
    return pytest(variant, log, "-m", "story")


def cluster(variant, log):
    return pytest(variant, log, "-m", "not long", folder="cluster")


def chaos(variant, log):
    return pytest(variant, log, "-m", "not long", folder="chaos")


def deploy(variant, log):
    return pytest(variant, log, "-m", "not machine", folder="deploy")


def fuzz(_variant, log):
    seconds = os.environ.get("FUZZ_SECONDS", "3")
    ok = run(make("debug", "fuzz", SECONDS=seconds), log) == 0
    names = [n for n in os.listdir(os.path.join(HERE, "fuzz")) if n.startswith("fuzz_") and n.endswith(".c")]
    return (len(names), 0, []) if ok else (0, 1, ["a fuzzer found something"])


SIM_SEEDS, SIM_SECONDS = "400", "10"
SIM_MUTANTS = ["told-outside", "one-witness", "older-overwrites"]  # `make sim-mutants` has all of them


def sim(variant, log):
    """Simulated worlds: the seeds that once found something, some more, and a few planted mistakes."""
    folder = os.path.join(BUILD, variant, "sim")
    program = os.path.join(folder, "sim")
    if not built(variant, log, program, *(os.path.join(folder, "mutants", m, "sim") for m in SIM_MUTANTS)):
        return 0, 1, ["does not build"]
    with open(os.path.join(HERE, "sim", "seeds")) as f:
        kept = [line.split()[0] for line in f if line.strip() and not line.startswith("#")]
    plays = [["--seed", seed] for seed in kept] + [["--seeds", SIM_SEEDS, "--seconds", SIM_SECONDS, "--cores", JOBS]]
    bad = ["seed " + " ".join(p) for p in plays if run([program, *p], log) != 0]
    hunted = run(["tests/sim/mutants.py", "hunt", os.path.join(folder, "mutants"), "1000", *SIM_MUTANTS], log) == 0
    bad += [] if hunted else ["a planted mistake is not found"]
    return len(plays) + 1 - len(bad), len(bad), bad


def lint(_variant, log):
    """Side by side: the first two take one core each for most of the time."""
    parts = ["headers", "analysis", "format", "layers", "scripts"]
    run(make("debug", "generated"), log)  # by both of them
    with ThreadPoolExecutor(CORES) as pool:
        codes = list(pool.map(lambda p: run(make("debug", p), f"{log[:-4]}-{p}.log"), parts))
    for part in parts:
        with open(log, "ab") as whole, open(f"{log[:-4]}-{part}.log", "rb") as own:
            whole.write(own.read())
        os.remove(f"{log[:-4]}-{part}.log")
    bad = [p for p, code in zip(parts, codes) if code != 0]
    return len(parts) - len(bad), len(bad), bad


def compilers(_variant, log):
    if run(make("release", "all", CC="clang"), log) != 0:
        return 0, 1, ["clang has something to say"]
    there = os.path.join(ROOT, BUILD, "release-clang", "bin")
    programs = [os.path.join(there, name) for name in sorted(os.listdir(there))]
    if run([os.path.join(ROOT, "deploy", "hardening.sh"), *programs], log) != 0:
        return 1, 1, ["a program is not hardened"]
    return 2, 0, []


def work_in_memory():
    """A folder for what tests make: stores there are not synced to a disk, so that nobody waits for one."""
    there = "/dev/shm"
    if "TMPDIR" in os.environ or not os.path.isdir(there):
        return
    about = os.statvfs(there)
    if about.f_bavail * about.f_frsize < 2 << 30 or about.f_flag & os.ST_NOEXEC:
        return
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="vt-", dir=there)
    os.chmod(tempfile.tempdir, 0o1777)
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


def share_postgres():
    """A PostgreSQL server for all programs that test with one, until the end of this run."""
    if postgres.SHARED in os.environ:
        return
    try:
        server = postgres.Server()
    except (postgres.Missing, RuntimeError) as e:
        print(f"run.py: {e}", file=sys.stderr)  # the tests that need it say so again
        return
    atexit.register(server.close)
    os.environ[postgres.SHARED] = server.url


PHASES = {
    "lint": (lint, ""),
    "clang": (compilers, ""),
    "unit:asan": (unit, "asan"),
    "unit:tsan": (unit, "tsan"),
    "integration:debug": (integration, "debug"),
    "integration:asan": (integration, "asan"),
    "story:tsan": (story, "tsan"),
    "cluster": (cluster, "debug"),
    "chaos": (chaos, "debug"),
    "deploy": (deploy, "debug"),
    "fuzz": (fuzz, ""),
    "sim": (sim, "debug"),
}


def main(argv):
    if "--list" in argv:
        print("\n".join(PHASES))
        return 0
    wanted = argv or list(PHASES)
    unknown = [w for w in wanted if w not in PHASES]
    if unknown:
        print(f"run.py: no phase {unknown[0]}; there are: {' '.join(PHASES)}", file=sys.stderr)
        return 1
    os.makedirs(LOGS, exist_ok=True)
    work_in_memory()
    passed = failed = 0
    for name in wanted:
        phase, variant = PHASES[name]
        if variant:
            share_postgres()
        log = os.path.join(LOGS, name.replace(":", "-") + ".log")
        open(log, "w").close()
        began = time.monotonic()
        print(f"{name:<20}", end="", flush=True)
        good, wrong, bad = phase(variant, log)
        passed += good
        failed += wrong
        print(f"{good:>5} passed {wrong:>3} failed {time.monotonic() - began:>7.1f} s", flush=True)
        for what in bad:
            print(f"    {what}")
        if wrong:
            with open(log, errors="replace") as f:
                lines = f.read().splitlines()
            print(f"    the end of {os.path.relpath(log, ROOT)}:")
            print("\n".join("    | " + line[:220] for line in lines[-60:]), flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
