"""vedette-loadgen under test: it runs, and knows where its name server, list and root are."""

import json
import os
import select
import time

import yaml

from .patience import FACTOR
from .process import Process
from .programs import BIN, environment


class Rehearsal:
    """Serves until it is closed. `settings` is what a cluster or a check must be set to."""

    def __init__(self, folder, *options, sites=20):
        self.folder = folder
        self.list = folder / "crowd.yaml"
        self.config = folder / "crowd.config.yaml"
        self.ca_file = folder / "crowd.pem"
        self.out = folder / "loadgen.out"
        told, tells = os.pipe()
        os.set_inheritable(tells, True)
        self.process = Process(
            "loadgen",
            [BIN / "vedette-loadgen", "--sites", sites, "--port", "0", "--dns", "127.0.0.1:0", "--names", "yes",
             "--write", self.list, "--write-config", self.config, "--ca-file", self.ca_file, "--report", "0s",
             "--latency", "0ms", "--latency-p99", "0ms", "--json", *options],
            folder / "loadgen.log", env=environment(VEDETTE_READY_FD=tells), out=self.out, pass_fds=(tells,),
        )
        os.close(tells)
        end = time.monotonic() + 20 * FACTOR
        while not (select.select([told], [], [], 0.1)[0] and os.read(told, 64)):
            assert self.process.alive() and time.monotonic() < end, self.process.said()
        os.close(told)
        worker = yaml.safe_load(self.config.read_text())["worker"]
        self.settings = {f"worker.{k}": v for k, v in worker.items()}
        self.sites = yaml.safe_load(self.list.read_text())["sites"]

    def url(self, number):
        return self.sites[number - 1]["url"]

    def close(self):
        """Ends it; its summary."""
        self.process.stop()
        return json.loads(self.out.read_text())
