"""deploy/hardening.sh sees what a program lacks, and the Makefile's own options lack nothing. That the programs are
hardened is asked where they are built: `make test` of those by clang, `make deb` of those by gcc."""

import platform
import subprocess

import pytest

from harness.process import program
from harness.programs import ROOT

# Large frames, calls that can be fortified, and enough functions to be jumped to.
SOURCE = """
#include <stdio.h>
#include <string.h>
#define ONE(n) int f##n(const char *s); int f##n(const char *s) { \\
    char far[20000], near[40]; strcpy(near, s); memset(far, near[0], sizeof far); \\
    return snprintf(near, sizeof near, "%s", far + n) + far[n]; }
#define TEN(n) ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) ONE(n##8) ONE(n##9)
TEN(1) TEN(2) TEN(3)
static int (*const all[])(const char *) = { f10, f21, f32 };
int main(int argc, char **argv) { return all[argc % 3](argv[0]); }
"""


def options(compiler):
    """What the release variant is compiled and linked with: two lists of words."""
    done = subprocess.run([program("make"), "-s", f"CC={compiler}", "VARIANT=release",
                           "--eval=options: ; @printf '%s\\n' '$(DEFS.release) $(FLAGS)' '$(LINK.release)'", "options"],
                          cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def build(compiler, folder, compiled, linked):
    (folder / "x.c").write_text(SOURCE)
    subprocess.run([program(compiler), *compiled, "-c", "x.c", "-o", "x.o"], cwd=folder, check=True, timeout=60)
    subprocess.run([program(compiler), *compiled, *linked, "x.o", "-o", "x"], cwd=folder, check=True, timeout=60)
    return folder / "x"


def said(file):
    done = subprocess.run([ROOT / "deploy/hardening.sh", file], capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == (done.stderr == ""), done
    return done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_makefile_says_all_that_is_wanted(compiler, tmp_path):
    assert said(build(compiler, tmp_path, *options(compiler))) == ""


@pytest.mark.parametrize("instead, lacks", [
    ("-no-pie", "not position-independent"),
    ("-fno-stack-protector", "stack is not protected"),
    ("-U_FORTIFY_SOURCE", "no call is fortified"),
    ("-Wl,-z,norelro", "can be written over"),
    ("-Wl,-z,lazy", "as they are called first"),
    ("-Wl,-z,execstack", "stack can be executed"),
    ("-fno-stack-clash-protection", "jump over the stack's guard"),
    ("-fcf-protection=none", "jumps may lead anywhere"),
])
def test_it_is_said_what_a_program_lacks(instead, lacks, tmp_path):
    compiled, linked = options("gcc")
    if platform.machine() != "x86_64" and ("clash" in instead or "cf-" in instead):
        pytest.skip("looked for on x86 only")
    assert lacks in said(build("gcc", tmp_path, [*compiled, instead], [*linked, instead]))
