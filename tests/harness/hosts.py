"""A cluster of hosts: two that control it, four workers in two locations, and hosts of
their own for the database, for names and mail, and for the sites.

    land = Land()                                 the hosts and their servers; for many tests
    with HostCluster(land, mail) as c:
        c.start()                                 coordinator on control1, collector on control2, all workers
        c.begin_worker("eu1")                     one, by a token of its own
        c.land["eu1"].cut()

One of the workers, eu2, is behind a router that lets nobody in.
"""

import shutil

from . import postgres
from .aloop import Background
from .cluster import QUICK, Cluster, write_settings
from .dns import Resolver
from .ledger import LedgerInside, PostgresLedger
from .misbehave import Village
from .network import Network
from .patience import until
from .programs import BIN, run

CONTROL = ("control1", "control2")
WORKERS = {"eu": ("eu1", "eu2"), "us": ("us1", "us2")}
ALL = sorted(w for some in WORKERS.values() for w in some)
PAIR = ("coordinator", "collector")
PORTS = {"control": 7711, "results": 7712, "feed": 7713, "feedback": 7714, "jobs": 7720}
PART_OF = {"results": "collector", "feed": "collector"}
ADDRESSES = {
    "control1": "10.1.0.1", "control2": "10.1.0.2", "eu1": "10.2.0.1", "us1": "10.3.0.1", "us2": "10.3.0.2",
    "db": "10.4.0.1", "service": "10.6.0.1",
}
TOWN = 5  # the second number of the sites' addresses

ON_CONTROL = {
    **{k: v for k, v in QUICK.items() if not k.startswith("worker.")},
    "worker.allow": "10.0.0.0/8",  # `apply` says what workers would refuse
    "locations": "eu, us",
    "operator.notify": "mailto:ops@watch.test",
    "operator.settled": "2s",
}
ON_WORKERS = {
    **{k: v for k, v in QUICK.items() if k.startswith(("worker.", "log.", "metrics."))},
    "worker.allow": "10.0.0.0/8",
    "worker.doubt": "2s",
}


def place_of(host):
    return host.rstrip("0123456789")


class Land:
    """The hosts, wired, and what is there before Vedette is."""

    def __init__(self, database=()):
        """`database`: settings of the server, beside its usual ones."""
        self.net = Network()
        self._places = 0
        self._ends = []
        try:
            for name, address in ADDRESSES.items():
                self.net.host(name, address)
            self.net.host("eu2", "192.168.7.2", behind=self.net.router("nat", "10.2.0.9"))
            self.net.host("town", f"10.{TOWN}.0.1").owns(f"10.{TOWN}.0.0/16")
            self.database = self._until_the_end(postgres.Server(database, self["db"]))
            self.resolver = self._until_the_end(Resolver(host=self["service"]))
            self.in_service = self._until_the_end(Background(self["service"].enter))
            self.in_town = self._until_the_end(Background(self["town"].enter))
        except BaseException:
            self.close()
            raise

    def _until_the_end(self, server):
        self._ends.append(server.close)
        return server

    def __getitem__(self, name):
        return self.net.hosts[name]

    def place(self):
        """A place for one store at the server: its URL for us, and for the hosts."""
        self._places += 1
        ours = postgres.new_schema(self.database.url, f"place{self._places}")
        return ours, f"postgresql://vedette@{self['db'].address}/vedette?{ours.split('&')[-1]}"

    def close(self):
        for end in reversed(self._ends):
            end()
        self._ends = []
        self.net.close()


class Town(Village):
    """Sites of a land."""

    def __init__(self, land):
        super().__init__(land.resolver, land.in_town)

    def address(self):
        n = next(self._hosts)
        return f"10.{TOWN}.{1 + n // 250}.{n % 250 + 1}"

    def site(self, name, behaviour, port=80, **how):
        return super().site(name, behaviour, port=port, **how)


class HostCluster(Cluster):
    """With a database, unless store is "sqlite": then all control is on control1."""

    def __init__(self, land, mail, store="postgresql"):
        ours, theirs = land.place() if store == "postgresql" else (None, None)
        super().__init__(settings={**ON_CONTROL, "mail.server": mail.url}, database=ours)
        self.land = land
        self.own = {}  # settings of one host
        self.tokens = {}
        self.places = {"coordinator": "control1", "collector": "control2" if theirs else "control1"}
        self.pairs = False  # both parts on each of the control hosts: for a shard each, else one pair waits
        self.addresses = None  # that tokens name, where they are not the coordinators' usual ones
        self.settings["store"] = theirs or self.store
        self.settings["worker.resolver"] = land.resolver.address
        self._lay_lanes()

    def __exit__(self, *how):
        self.land.net.mend()
        super().__exit__(*how)

    def _lanes(self, places):
        """Where each listens."""
        return {f"endpoint.{lane}": f"tcp://{self.land[places[PART_OF.get(lane, 'coordinator')]].address}:{port}"
                for lane, port in PORTS.items()}

    def _lay_lanes(self):
        self.settings.update(self._lanes(self.places))

    # ── what each host has on its disk ──

    def disk(self, host):
        """A folder that is this host's alone, as far as we are concerned."""
        folder = self.folder / host
        folder.mkdir(exist_ok=True)
        return folder

    def _configure(self, host):
        """Its settings, in a file; a host that controls has the cluster's key as well."""
        folder = self.disk(host)
        if host in CONTROL:
            settings = {**self.settings, "keys.server_file": folder / "server.key"}
            if self.pairs:
                settings.update(self._lanes({part: host for part in self.places}))
        else:
            settings = {**ON_WORKERS, "worker.resolver": self.land.resolver.address,
                        "worker.user_agent": f"from-{host}"}
        self.config = folder / "vedette.yaml"
        write_settings(self.config, {**settings, **self.own.get(host, {})})
        return self.config

    def write_config(self, **more):
        self.settings.update(more)
        self._configure("control1")

    def make_key(self):
        """`vedette keygen` on one host, carried to the other."""
        key = self.disk("control1") / "server.key"
        if key.exists():
            return
        said = self.cli("keygen")
        assert said.status == 0, said
        for other in CONTROL[1:]:
            shutil.copy2(key, self.disk(other) / "server.key")

    def token(self, location, name, *options):
        """`vedette token` on control1: what it printed."""
        hosts = CONTROL if self.pairs else (self.places["coordinator"],)
        addresses = self.addresses or [self.land[host].address for host in hosts]
        words = [word for address in addresses for word in ("--address", address)]
        said = self.cli("token", "--location", location, "--name", name, *words, *options)
        assert said.status == 0 and len(said.out.split()) == 1, said
        return said.out.strip()

    def foreign_token(self, location):
        """Of another cluster, which claims to be at this one's address."""
        folder = self.disk("control2")
        key, store = folder / "foreign.key", f"sqlite:{folder}/foreign.db"
        for words in (("keygen", key), ("token", "--location", location, "--set", f"keys.server_file={key}", "--store",
                                        store, "--address", self.land[self.places["coordinator"]].address)):
            said = self.cli(*words, on="control2")
            assert said.status == 0, said
        return said.out.strip()

    def token_of(self, worker, place=None):
        """The one that it was given, or is given now."""
        if worker not in self.tokens:
            self.tokens[worker] = self.token(place or place_of(worker), worker)
        return self.tokens[worker]

    # ── what runs on them ──

    def cli(self, command, *args, on="control1", **how):
        config = self._configure(on)
        words = self.land[on].inside
        return run(*words, BIN / "vedette", command, "--config", config, *args, **how)

    def begin(self, part, host=None, sets=(), wait=True, env=(), name=None):
        """The coordinator or the collector, where it has its place unless said otherwise."""
        host = host or self.places[part]
        args = [BIN / f"vedette-{part}", "--config", self._configure(host)]
        return self._launch(name or (f"{part}-{host}" if self.pairs else part), host, args, sets, wait, env)

    def begin_pair(self, host, sets=(), name=None):
        return [self.begin(part, host, sets=sets, name=f"{part}-{name or host}") for part in PAIR]

    def take_pair(self, name):
        """Those of that host, or by that name, which the cluster does not end any more."""
        return [self.daemon.pop(f"{part}-{name}") for part in PAIR]

    def elsewhere(self, host, offset):
        """Settings of a second pair on one host: ports that are higher by `offset`."""
        return [f"endpoint.{lane}=tcp://{self.land[host].address}:{port + offset}" for lane, port in PORTS.items()]

    def begin_worker(self, host, sets=(), token=None, name=None, wait=True, env=(), program=None):
        """A worker: what it knows of the cluster is its token alone, and its name."""
        name = name or host
        token = token or self.token_of(name, place_of(host))
        args = [program or BIN / "vedette-worker", "--config", self._configure(host), "--join", token]
        return self._launch(name, host, args, [f"worker.name={name}", *sets], wait, env)

    def _launch(self, name, host, args, sets, wait, env):
        for s in sets:
            args += ["--set", s]
        process = self.launch(name, [*self.land[host].inside, *args], wait, env)
        self.land[host].processes.append(process)
        return process

    def start(self, workers=ALL):
        self.make_key()
        if self.ledger.one("SELECT change FROM meta") is None:
            self.apply(sites=[])
        for w in ALL:  # before there is anybody who would have to hear of new ones
            self.token_of(w)
        if self.pairs:
            for number, host in enumerate(CONTROL):
                self.begin_pair(host, [f"shard={number}"] if "shards" in self.settings else ())
        else:
            self.begin("coordinator")
            self.begin("collector")
        for w in workers:
            self.begin_worker(w)
        for w in workers:
            self.daemon[w].says(r"lane\.welcomed")
        return self

    # ── where things are ──

    def keep_on_small_disk(self, megabytes):
        """SQLite's file on a disk of control1 that is no larger; the folder, for us."""
        folder = self.disk("control1") / "small"
        folder.mkdir()
        host = self.land["control1"]
        host.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder)
        self.settings["store"] = f"sqlite:{folder}/vedette.db"
        self.ledger = LedgerInside(folder / "vedette.db", host.inside)
        return host.path(folder)

    def move_to_database(self):
        """`vedette store copy` from the file to the server; from now on the collector is on control2. What it said."""
        ours, theirs = self.land.place()
        said = self.cli("store", "copy", self.settings["store"], theirs)
        assert said.status == 0, said
        self.settings["store"], self.ledger = theirs, PostgresLedger(ours)
        self.places["collector"] = "control2"
        self._lay_lanes()
        return said

    # ── what is known ──

    def lines(self, site):
        """Every line of the ledger about it, from wherever."""
        return self.ledger.looks(site)

    def wait_seen(self, site, places=("eu", "us"), n=2, verdict="up", within=20):
        """That many more looks from each of the places."""

        def count(place):
            return len([x for x in self.ledger.seen_from(site, place) if x.verdict == verdict])

        before = {p: count(p) for p in places}
        until(lambda: all(count(p) >= before[p] + n for p in places), within,
              lambda: f"{n} looks at {site}, {verdict}, from each of {places}: {self.ledger.tail(site)}")

    def whole(self, *sites, places=("eu", "us"), within=30):
        """Every due slot of every place has its line, once."""
        for site in sites:
            for place in places:
                until(lambda site=site, place=place: not self.ledger.holes(site, place), within,
                      lambda site=site, place=place: f"no hole at {site} from {place}: "
                                                     f"{self.ledger.holes(site, place)}")
