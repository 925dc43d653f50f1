"""What stories about outages share: quick sites, and how long a round of theirs is."""

import pytest

from .patience import until
from .programs import SANITIZED

BOTH = pytest.mark.parametrize("cluster", ["sqlite", "postgresql"], indirect=True)  # a story of either store
EVERY = 1.0 if SANITIZED else 0.5  # seconds between looks
TIMEOUT_MS = 800 if SANITIZED else 400


def quick(name, url, **more):
    """A site of a list, looked at twice a second; GET, so that a look is one request."""
    return {
        "name": name, "url": url, "every": f"{int(EVERY * 1000)}ms", "timeout": f"{TIMEOUT_MS}ms", "method": "GET",
        "confirm": {"looks": 2, "within": "1s"}, **more,
    }


def owner(name, *channels, **more):
    return {"name": name, "notify": list(channels), **more}


def rounds(cluster, site, n, verdict=None, within=None):
    """Wait until that many more scheduled looks at it are in the ledger."""
    before = cluster.ledger.count(site, verdict)
    until(
        lambda: cluster.ledger.count(site, verdict) >= before + n,
        within or 6 + 3 * n * EVERY,
        lambda: f"{n} more looks ({verdict or 'any'}) at {site}: {cluster.ledger.tail(site)}",
    )


def first_then(n, first, then):
    """The behaviour `first` for n requests, `then` ever after."""
    asked = [0]

    async def behave(c):
        asked[0] += 1
        await (first if asked[0] <= n else then)(c)

    return behave


def gapless(cluster, *sites, within=20):
    """Every due slot has its line, once: what was due while one of us was away may come some seconds late."""
    for site in sites:
        until(
            lambda site=site: not cluster.ledger.gaps(site), within,
            lambda site=site: f"no gap in the ledger of {site}: {cluster.ledger.gaps(site)}",
        )
