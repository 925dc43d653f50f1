"""Where the modules are, and the words of the command line: `make chaos SEED=7 FOR=120s`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="this one, instead of those of every day")
    parser.addoption("--for", default=None, metavar="120s", help="how long faults come")
    parser.addoption("--form", default=None, choices=("one", "many"), help="one machine, or the cluster of hosts")
    parser.addoption("--sites", type=int, default=None)
    parser.addoption("--only", default=None, metavar="NAMES", help="faults that may come, with commas")
