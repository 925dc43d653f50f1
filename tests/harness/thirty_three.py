"""The first test list: 33 sites, and how long each takes to answer.

Looked at one after the other they take 23.3 s. Two do not exist, and three
answer 405 to HEAD although they are well: a checker that believes the first
answer calls five sites down, and only two are.
"""

import asyncio

from . import behaviours

# name: (milliseconds until it has answered in all, what HEAD gets)
SITES = {
    "envato.com": (960, 200),
    "amazon.co.uk": (1240, 200),
    "amazon.com": (1120, 200),
    "facebook.com": (560, 200),
    "google.com": (310, 200),
    "google.fr": (330, 200),
    "google.es": (340, 200),
    "google.co.uk": (320, 200),
    "internet.org": (870, 200),
    "gmail.com": (450, 200),
    "stackoverflow.com": (540, 200),
    "github.com": (480, 200),
    "heroku.com": (920, 200),
    "really-cool-available-domain.com": None,
    "djangoproject.com": (690, 200),
    "rubyonrails.org": (610, 200),
    "basecamp.com": (740, 200),
    "trello.com": (580, 200),
    "yiiframework.com": (1360, 200),
    "shopify.com": (530, 200),
    "another-really-interesting-domain.co": None,
    "airbnb.com": (890, 200),
    "instagram.com": (620, 200),
    "snapchat.com": (660, 200),
    "youtube.com": (390, 200),
    "baidu.com": (1980, 200),
    "yahoo.com": (1050, 200),
    "live.com": (780, 405),
    "linkedin.com": (640, 200),
    "yandex.ru": (1130, 200),
    "netflix.com": (860, 405),
    "wordpress.com": (720, 200),
    "bing.com": (630, 405),
}
MISSING = [name for name, how in SITES.items() if how is None]
SERIAL_MS = 23300

assert len(SITES) == 33
assert sum(how[0] for how in SITES.values() if how) == SERIAL_MS, sum(how[0] for how in SITES.values() if how)


def behaviour(delay_ms, head):
    """The delay in one piece, or half of it for each of HEAD and GET."""
    if head == 200:
        return behaviours.slow(delay_ms / 1000)

    async def behave(c):
        visit = await c.request()
        if visit:
            await asyncio.sleep(delay_ms / 2000)
            await c.answer(head if visit.method == "HEAD" else 200)

    return behave


def settle(village, speed=1.0):
    """Every site that exists, in the village and its DNS server: {name: Site}.

    speed 10: everything ten times as fast.
    """
    return {
        name: village.site(name, behaviour(how[0] / speed, how[1]), host=name)
        for name, how in SITES.items()
        if how
    }


def urls(village, port=None):
    """All 33, as the list has them but for the port."""
    return [f"http://{name}:{port or village.port}" for name in SITES]
