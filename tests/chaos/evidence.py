"""All that is known after a run, as plain data: what was scripted, what was done, what the store, the
mailbox and the targets' own log say. Times are seconds since 1970."""

from dataclasses import dataclass, field

US = 1e6


@dataclass
class Line:
    """Of the ledger."""

    site: int
    place: str
    slot_us: int
    look: int
    span: int
    verdict: str
    cause: str
    worker: str
    at: float  # when the look began
    took: float


@dataclass
class Incident:
    id: int
    site: int
    began: float
    ended: float
    ending: str


@dataclass
class Notice:
    id: int
    incident: int
    kind: str
    state: str
    key: str
    created: float


@dataclass
class Letter:
    at: float
    key: str
    subject: str


@dataclass
class Visit:
    at: float
    site: int
    worker: str
    answer: str


@dataclass
class Failing:
    """A site, from the targets' own log."""

    site: int
    began: float
    ended: float
    how: str
    short: bool


@dataclass
class Trouble:
    """What was done to Vedette, and what that excuses. The times are those of the fault itself."""

    what: str
    began: float
    ended: float
    loses: bool = False  # slots may pass without a look
    repeats: bool = False  # sites may be looked at again
    copies: bool = False  # a letter may come twice
    refuses: bool = False  # a notice may be given up
    stepped: float = 0  # a clock, by so many seconds
    misdates: float = 0.0  # wall times may be off by so many seconds
    places: tuple = ()  # locations that it concerns; (): all


@dataclass
class Life:
    """One process, from its beginning to its end."""

    name: str
    pid: int
    began: float
    ended: float = 0.0  # 0: it was there at the end
    how: str = ""  # "killed", "asked", or "itself"
    status: int = 0
    alarm: str = ""  # what a sanitizer or an assertion said
    last: str = ""  # its last line
    rss_mb: list = field(default_factory=list)  # (time, MB)
    fds: list = field(default_factory=list)


@dataclass
class Evidence:
    every: float
    timeout: float
    within: float
    looks: int
    confirm: float  # Scale.confirm_s
    before: float  # a fault shows in slots so long before it began
    after: float  # ... and so long after it was over
    began: float  # all sites were up
    healed: float  # the last fault was over
    asked: float  # all were asked to end
    ended: float  # and had
    places: dict  # {site: its locations}
    lines: list
    incidents: list
    notices: list
    letters: list
    visits: list
    failing: list
    troubles: list
    lives: list
    stalls: list  # (from, to) in which the targets stood still
    again: list  # (time, jobs given out again since the sample before)
