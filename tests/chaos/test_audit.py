"""The checks are checked: of a run in which all was well each finds nothing; of one that was doctored, exactly
the one that should."""


import pytest

from audit import audit
from evidence import US, Evidence, Failing, Incident, Letter, Life, Line, Notice, Trouble, Visit
from faults import BOTH, MANY, ONE, TABLE
from hosts_stage import Hosts
from plan import LONG, SHORT, draw
from stage import OneMachine

T0, EVERY, ROUNDS = 1_000_000.0, 5.0, 30
BAD_FROM, BAD_UNTIL = T0 + 42, T0 + 88  # site 1


def look(site, slot, number, verdict, worker="w1", at=None):
    return Line(site, "local", round(slot * US), number, 1, verdict, "none" if verdict == "up" else "http_5xx", worker,
                slot + 0.01 if at is None else at, 0.005)


def well():
    """Three sites, one of which fails for a while, as everybody saw it."""
    lines, visits = [], []
    for site in (1, 2, 3):
        for k in range(ROUNDS):
            slot = T0 + k * EVERY + site
            down = site == 1 and BAD_FROM <= slot < BAD_UNTIL
            lines.append(look(site, slot, 0, "down" if down else "up"))
    first = min(x.at for x in lines if x.verdict == "down")
    lines += [look(1, first - 0.01, n, "down", "w2", first + n) for n in (1, 2)]
    last = min(x.at for x in lines if x.site == 1 and x.at > BAD_UNTIL)
    visits += [Visit(x.at + 0.001, x.site, x.worker, "well" if x.verdict == "up" else "503") for x in lines]
    end = T0 + ROUNDS * EVERY + 2
    return Evidence(
        every=EVERY, timeout=2, within=3, looks=2, confirm=LONG.confirm_s, before=13, after=18, began=T0, healed=end - 30,
        asked=end, ended=end, places={1: ("local",), 2: ("local",), 3: ("local",)}, lines=lines,
        incidents=[Incident(1, 1, first, last, "recovered")],
        notices=[Notice(1, 1, "down", "sent", "k1", first + 3), Notice(2, 1, "back", "sent", "k2", last)],
        letters=[Letter(first + 4, "k1", "[down] s1"), Letter(last + 1, "k2", "[back] s1")], visits=visits,
        failing=[Failing(1, BAD_FROM, BAD_UNTIL, "503", False)], troubles=[],
        lives=[Life("w1", 10, T0, rss_mb=[(T0 + i, 20 + i / 10) for i in range(100)], fds=[(T0 + i, 40) for i in range(100)])],
        stalls=[], again=[])


def line_at(ev, site, k):
    return next(x for x in ev.lines if x.site == site and x.look == 0 and x.slot_us == round((T0 + k * EVERY + site) * US))


# ── 1 ──


def a_slot_without_a_line(ev):
    x = line_at(ev, 2, 7)
    ev.lines.remove(x)
    ev.visits.remove(next(v for v in ev.visits if v.site == 2 and abs(v.at - x.at) < 0.1))


def a_slot_with_two(ev):
    ev.lines.append(Line(2, "local", line_at(ev, 2, 7).slot_us, 0, 2, "unknown", "missed", "coordinator", 0, 0))


def lost_for_no_reason(ev):
    x = line_at(ev, 3, 9)
    x.verdict, x.cause = "unknown", "worker_suspect"


def looks_that_stop(ev):
    late = [x for x in ev.lines if x.site == 3 and x.slot_us / US > ev.ended - 20]
    ev.lines = [x for x in ev.lines if x not in late]
    ev.visits = [v for v in ev.visits if v.site != 3 or v.at < ev.ended - 20]


# ── 2 ──


def an_outage_that_nobody_saw(ev):
    ev.incidents, ev.notices, ev.letters = [], [], []


def an_outage_twice(ev):
    ev.incidents.append(Incident(2, 1, BAD_FROM + 20, BAD_UNTIL + 1, "recovered"))
    ev.notices += [Notice(3, 2, "down", "sent", "k3", BAD_FROM + 20), Notice(4, 2, "back", "sent", "k4", BAD_UNTIL + 1)]
    ev.letters += [Letter(BAD_FROM + 21, "k3", ""), Letter(BAD_UNTIL + 2, "k4", "")]


def an_alarm_for_nothing(ev):
    ev.failing = []


def begins_before_it_does(ev):
    ev.incidents[0].began = BAD_FROM - 3


def begins_late(ev):
    ev.incidents[0].began = BAD_FROM + 30


def ends_early(ev):
    ev.incidents[0].ended = BAD_UNTIL - 3


def ends_late(ev):
    ev.incidents[0].ended = BAD_UNTIL + 30


def never_ends(ev):
    ev.incidents[0].ending = "open"
    del ev.notices[1], ev.letters[1]


# ── 3 ──


def told_twice(ev):
    ev.letters.append(Letter(ev.letters[0].at + 2, "k1", "[down] s1"))


def told_under_another_key(ev):
    ev.letters.append(Letter(ev.letters[0].at + 2, "k9", "[down] s1"))


def never_told(ev):
    del ev.letters[0]


def never_sent(ev):
    ev.notices[1].state = "pending"
    del ev.letters[1]


def given_up(ev):
    ev.notices[1].state = "failed"
    del ev.letters[1]


def no_notice_of_its_end(ev):
    del ev.notices[1], ev.letters[1]


# ── 4 ──


def looked_at_twice(ev):
    ev.visits.append(Visit(T0 + 60.5, 2, "w2", "well"))


def a_crowd(ev):
    """Excused as a repeat, but nothing explains so many."""
    ev.troubles.append(Trouble("kill", T0 + 60, T0 + 61, repeats=True))
    ev.visits += [Visit(T0 + 61 + i / 10, 2, "w2", "well") for i in range(20)]


def up_and_nobody_came(ev):
    x = line_at(ev, 2, 7)
    ev.visits.remove(next(v for v in ev.visits if v.site == 2 and abs(v.at - x.at) < 0.1))


# ── 5 ──


def ended_by_itself(ev):
    ev.lives[0].ended, ev.lives[0].how, ev.lives[0].status = T0 + 50, "itself", -6


def ended_badly(ev):
    ev.lives[0].ended, ev.lives[0].how, ev.lives[0].status = T0 + 50, "asked", 1


def a_sanitizer_spoke(ev):
    ev.lives[0].alarm = "AddressSanitizer: heap-use-after-free"


def memory_grows(ev):
    ev.lives[0].rss_mb = [(T0 + i, 20 + 2 * i) for i in range(100)]


def descriptors_leak(ev):
    ev.lives[0].fds = [(T0 + i, 40 + 2 * i) for i in range(100)]


WRONG = {
    "ledger": (a_slot_without_a_line, a_slot_with_two, lost_for_no_reason, looks_that_stop),
    "incidents": (an_outage_that_nobody_saw, an_outage_twice, an_alarm_for_nothing, begins_before_it_does, begins_late,
                  ends_early, ends_late, never_ends),
    "notices": (told_twice, told_under_another_key, never_told, never_sent, given_up, no_notice_of_its_end),
    "visits": (looked_at_twice, a_crowd, up_and_nobody_came),
    "processes": (ended_by_itself, ended_badly, a_sanitizer_spoke, memory_grows, descriptors_leak),
}


def test_where_all_is_well_nothing_is_found():
    assert audit(well()) == {}


@pytest.mark.parametrize("question, doctor", [(q, d) for q, some in WRONG.items() for d in some],
                         ids=lambda x: getattr(x, "__name__", x))
def test_what_is_wrong_is_found(question, doctor):
    ev = well()
    doctor(ev)
    found = audit(ev)
    assert list(found) == [question], found


def excused(ev, **how):
    ev.troubles.append(Trouble("a fault", T0 + 55, T0 + 58, **how))
    return ev


def test_a_fault_excuses_what_it_explains_and_no_more():
    def lost_at(k):
        ev = excused(well(), loses=True)
        x = line_at(ev, 3, k)
        x.verdict, x.cause = "unknown", "missed"
        ev.visits.remove(next(v for v in ev.visits if v.site == 3 and abs(v.at - x.at) < 0.1))
        return audit(ev)

    assert lost_at(11) == {}
    assert list(lost_at(5)) == ["ledger"] and list(lost_at(20)) == ["ledger"]
    elsewhere = excused(well(), loses=True)
    elsewhere.troubles[0].places = ("us",)
    x = line_at(elsewhere, 3, 11)
    x.verdict, x.cause = "unknown", "worker_suspect"
    assert list(audit(elsewhere)) == ["ledger"]


def test_a_copy_is_excused_by_a_killed_collector_and_a_refused_notice_by_its_refusal():
    ev = well()
    told_twice(ev)
    at = ev.letters[0].at
    ev.troubles.append(Trouble("kill", at + 0.5, at + 1.5, copies=True))
    assert audit(ev) == {}
    ev = well()
    given_up(ev)
    ev.troubles.append(Trouble("refuse", ev.notices[1].created - 1, ev.notices[1].created + 2, refuses=True))
    assert audit(ev) == {}


def test_what_is_missing_of_an_outage_is_excused_only_where_nobody_could_see_it():
    ev = well()
    an_outage_that_nobody_saw(ev)
    ev.troubles.append(Trouble("nobody is there", BAD_FROM, BAD_UNTIL, loses=True))
    assert audit(ev) == {}
    ev.troubles[0].ended = BAD_FROM + 5
    assert list(audit(ev)) == ["incidents"]


def test_one_that_was_replaced_may_end_with_that_code():
    ev = excused(well(), loses=True)
    life = ev.lives[0]
    life.ended, life.how, life.status = T0 + 57, "itself", 13
    assert audit(ev) == {}
    life.ended = T0 + 120
    assert list(audit(ev)) == ["processes"]


def test_a_seed_says_always_the_same():
    for form in BOTH:
        a, b = (draw(7, form, SHORT, TABLE, CAST_OF[form]) for _ in range(2))
        assert a == b and str(a) == str(b) and a.blows
        assert str(a) != str(draw(8, form, SHORT, TABLE, CAST_OF[form]))


def test_seeds_together_bring_every_fault_and_nobody_is_hit_by_two_at_once():
    for form in BOTH:
        plans = [draw(seed, form, LONG, TABLE, CAST_OF[form]) for seed in range(40)]
        assert {b.fault for p in plans for b in p.blows} == {f.name for f in TABLE if form in f.forms}
        for p in plans:
            for a in p.blows:
                others = [b for b in p.blows if b is not a and set(b.whom) & set(a.whom)]
                assert all(b.at > a.at + a.for_s or a.at > b.at + b.for_s for b in others), str(p)
            assert len({o.site for o in p.outages}) == len(p.outages)


CAST_OF = {ONE: OneMachine.cast, MANY: Hosts.cast}
