"""The SQL of restore time against plain Python, and against drills whose truth is known.

The oracle knows the formulas of docs/definitions.md only and makes each estimate anew from a list
of restores; it shares no code with the models, which walk forward with running sums.
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from statistics import NormalDist, fmean, median, variance
from typing import Any

import pytest

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 15, 12)
DAY = timedelta(days=1)
NORMAL = NormalDist()
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
OBJECTIVE = 3600.0
GROUP_SD, INSTANCE_SD, NOISE_SD = 0.45, 0.3, 0.22


@dataclass(frozen=True)
class Restore:
    """A drill with what is true of it."""

    instance: str
    group: tuple[str, str]
    asked: datetime
    seconds: float
    size: int
    failed: bool = False

    @property
    def ended(self) -> datetime:
        return self.asked + timedelta(seconds=self.seconds)

    @property
    def pace(self) -> float:
        return math.log(self.seconds) - math.log(self.size)


@dataclass(frozen=True)
class Case:
    """Drills, and the size of each instance now."""

    restores: tuple[Restore, ...]
    sizes: dict[str, tuple[tuple[str, str], int]]
    centre: dict[str, float]  # the true ln seconds a byte of each instance


def noise(chance: random.Random) -> float:
    """Heavier tails than a normal: Student's t with five degrees of freedom."""
    wide = chance.gauss(0, 1) / math.sqrt(chance.gammavariate(2.5, 2) / 5)
    return NOISE_SD * wide / math.sqrt(5 / 3)


def simulated(seed: int = 11) -> Case:
    """A fleet of 300 with few drills each, and 400 with twelve each to look for trends in."""
    chance = random.Random(seed)
    restores, sizes, centre = [], {}, {}
    paces: dict[tuple[str, str], float] = defaultdict(lambda: chance.gauss(-18, GROUP_SD))
    for number in range(700):
        steady = number >= 300
        group = (f"t{number % 5}", f"v{number % (8 if steady else 4)}")
        name = f"i{number:03d}"
        own = paces[group] + chance.gauss(0, INSTANCE_SD)
        size = int(math.exp(chance.gauss(24, 1)))
        sizes[name], centre[name] = (group, size), own
        for _ in range(12 if steady else chance.randrange(7)):
            was = int(size * chance.uniform(0.5, 1))
            asked = NOW - DAY * chance.uniform(3, 700)
            took = math.ceil(was * math.exp(own + noise(chance)) * 1e6) / 1e6
            failed = chance.random() < 0.05
            restores.append(Restore(name, group, asked, took, was, failed))
    return Case(tuple(restores), sizes, centre)


def rows_of(case: Case) -> dict[str, list[dict[str, Any]]]:
    return {
        "instances": [
            {"instance_id": name, "db_type": group[0], "storage_volume": group[1], "team": "t",
             "tier": 2, "rto_s": OBJECTIVE, "rpo_s": 1e9, "drill_every_s": 180 * 86400.0,
             "protect_from": NOW - 800 * DAY}
            for name, (group, _) in case.sizes.items()
        ],
        "backup_sets": [
            {"source_id": "a", "repo": "r", "label": name, "native_instance": name,
             "instance_id": name, "source_bytes": size, "backup_type": "full",
             "started_at": NOW - DAY, "finished_at": NOW - DAY, "lifecycle": "available",
             "integrity": "ok", "first_seen_at": NOW - DAY}
            for name, (_, size) in case.sizes.items()
        ],
        "restore_jobs": [
            {"source_id": "a", "restore_key": f"r{number:05d}", "native_instance": one.instance,
             "instance_id": one.instance, "purpose": "drill", "requested_at": one.asked,
             "started_at": one.asked, "bytes": one.size, "first_seen_at": one.ended,
             "state": "failed" if one.failed else "succeeded",
             "verification": "none" if one.failed else "passed",
             "restored_at": one.ended, "verified_at": None if one.failed else one.ended}
            for number, one in enumerate(case.restores)
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """What the oracle expects of an instance."""

    mu: float
    sigma: float
    success: float


class Oracle:
    """The estimate as docs/definitions.md writes it, from the restores that had ended."""

    def __init__(self, ended: Sequence[Restore]) -> None:
        self.own: dict[str, list[float]] = defaultdict(list)
        self.group: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
        self.outcomes: dict[str, list[bool]] = defaultdict(list)
        for one in ended:
            self.outcomes[one.instance].append(not one.failed)
            if not one.failed:
                self.own[one.instance].append(one.pace)
                self.group[one.group][one.instance] = self.own[one.instance]
        every = [good for many in self.outcomes.values() for good in many]
        self.fleet_success = (sum(every) + 0.5) / (len(every) + 1)
        self._within()
        self._between()
        self._groups()

    def _within(self) -> None:
        freedom = sum(len(many) - 1 for many in self.own.values())
        squares = sum((y - fmean(many)) ** 2 for many in self.own.values() for y in many)
        self.s2 = (squares + 4 * 0.06) / (freedom + 4)

    def _between(self) -> None:
        squares = spread = 0.0
        freedom = 0
        for members in self.group.values():
            counts = [len(many) for many in members.values()]
            mean = fmean(y for many in members.values() for y in many)
            squares += sum(len(many) * (fmean(many) - mean) ** 2 for many in members.values())
            spread += sum(counts) - sum(n * n for n in counts) / sum(counts)
            freedom += len(members) - 1
        found = max(squares - freedom * self.s2, 0) / spread if freedom else 0.0
        self.t2 = max((freedom * found + 4 * 0.09) / (freedom + 4), 0.005)

    def _groups(self) -> None:
        self.mean = {g: fmean(y for many in m.values() for y in many)
                     for g, m in self.group.items()}  # fmt: skip
        self.doubt = {}
        for group, members in self.group.items():
            counts = [len(many) for many in members.values()]
            total = sum(counts)
            self.doubt[group] = self.s2 / total + self.t2 * sum(n * n for n in counts) / total**2
        means, count = list(self.mean.values()), len(self.mean)
        found = max((variance(means) if count > 1 else 0) - fmean(self.doubt.values()), 0)
        self.g2 = ((count - 1) * found + 2 * 0.25) / (count - 1 + 2)
        self.fleet = fmean(means)
        self.fleet_doubt = (self.g2 + fmean(self.doubt.values())) / count

    def estimate(self, instance: str, group: tuple[str, str], size: int) -> Estimate:
        if group in self.mean:
            share = self.g2 / (self.g2 + self.doubt[group])
            centre = share * self.mean[group] + (1 - share) * self.fleet
            doubt = share * self.doubt[group] + (1 - share) ** 2 * self.fleet_doubt
        else:
            centre, doubt = self.fleet, self.g2 + self.fleet_doubt
        own = self.own.get(instance, [])
        weight = len(own) * self.t2 / (len(own) * self.t2 + self.s2)
        mu = math.log(size) + weight * (fmean(own) if own else 0) + (1 - weight) * centre
        remaining = self.t2 * self.s2 / (len(own) * self.t2 + self.s2)
        sigma = math.sqrt(self.s2 + remaining + (1 - weight) ** 2 * doubt)
        tried = self.outcomes.get(instance, [])
        success = (sum(tried) + 7 * self.fleet_success) / (len(tried) + 7)
        return Estimate(mu, sigma, success)


@pytest.fixture(scope="module")
def case() -> Case:
    return simulated()


@pytest.fixture(scope="module")
def built(make_built: Callable[[], Any], case: Case) -> Any:
    made = make_built()
    made.load(rows_of(case))
    made.build(as_of=NOW)
    return made


def test_every_estimate_is_that_of_the_oracle(built: Any, case: Case) -> None:
    oracle = Oracle(case.restores)
    found = built.query(
        "select instance_id, p50_s, p90_s, p95_s, p99_s, p_success, p_within_rto, n_own, basis"
        " from marts.fct_rto_estimates order by 1"
    )
    assert len(found) == len(case.sizes)
    for name, *quantiles, success, within, own, basis in found:
        wanted = oracle.estimate(name, *case.sizes[name])
        expected = [math.exp(wanted.mu + NORMAL.inv_cdf(q) * wanted.sigma)
                    for q in QUANTILES.values()]  # fmt: skip
        assert quantiles == pytest.approx(expected, rel=1e-9), name
        assert success == pytest.approx(wanted.success, rel=1e-12)
        chance = NORMAL.cdf((math.log(OBJECTIVE) - wanted.mu) / wanted.sigma)
        assert within == pytest.approx(chance, abs=2e-7)
        assert own == len(oracle.own.get(name, []))
        newest = max((r.ended for r in case.restores if r.instance == name and not r.failed),
                     default=None)  # fmt: skip
        word = "peer" if newest is None else "measured" if newest >= NOW - 90 * DAY else "own"
        assert basis == word


def test_the_back_test_knows_nothing_of_what_came_later(built: Any, case: Case) -> None:
    found = {
        row[0]: row[1:]
        for row in built.query(
            "select restore_key, p50_s, p95_s, p_success, n_own, actual_s, within_p95,"
            " pinball_p95, met_rto, brier, p_meets_rto from marts.fct_rto_backtest"
        )
    }
    assert len(found) == len(case.restores)
    for number in random.Random(1).sample(range(len(case.restores)), 250):
        one = case.restores[number]
        earlier = [r for r in case.restores if r.ended < one.asked]
        p50, p95, success, own, actual, within, pinball, met, brier, meets = found[f"r{number:05d}"]
        if len([r for r in earlier if not r.failed]) < 20:
            continue
        wanted = Oracle(earlier).estimate(one.instance, one.group, one.size)
        top = wanted.mu + NORMAL.inv_cdf(0.95) * wanted.sigma
        assert p50 == pytest.approx(math.exp(wanted.mu), rel=1e-7)
        assert p95 == pytest.approx(math.exp(top), rel=1e-7)
        assert success == pytest.approx(wanted.success, rel=1e-12)
        assert own == sum(r.instance == one.instance and not r.failed for r in earlier)
        kept = not one.failed and one.seconds <= OBJECTIVE
        assert met == kept
        assert brier == pytest.approx((meets - kept) ** 2)
        if one.failed:
            assert (actual, within, pinball) == (None, None, None)
            continue
        error = math.log(one.seconds) - top
        assert within == (error <= 0)
        assert pinball == pytest.approx(max(0.95 * error, -0.05 * error), abs=1e-6)


@pytest.mark.parametrize(("n_own", "least"), [("n_own = 0", 500), ("n_own > 0", 3000)])
def test_the_quantiles_hold_what_they_say(built: Any, n_own: str, least: int) -> None:
    columns = ", ".join(f"avg(within_{name}::integer)" for name in QUANTILES)
    count, *covered = built.query(
        f"select count(*), {columns} from marts.fct_rto_backtest"
        f" where outcome = 'proven' and basis <> 'unknown' and {n_own}"
    )[0]
    assert count >= least
    for share, wanted in zip(covered, QUANTILES.values(), strict=True):
        # Four standard errors, and a little for the tails that are heavier than a normal's.
        assert abs(share - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / count) + 0.01


def test_chances_are_as_often_right_as_they_say(built: Any) -> None:
    rows = built.query(
        "select avg(p_meets_rto), avg(met_rto::integer), count(*) from marts.fct_rto_backtest"
        " where p_meets_rto is not null group by round(p_meets_rto, 1)"
    )
    for said, happened, count in rows:
        assert abs(said - happened) < 4 * math.sqrt(0.25 / count) + 0.03


def test_drawing_to_peers_beats_each_instance_alone(built: Any, case: Case) -> None:
    found = built.query("select instance_id, mu, n_own, bytes_now from marts.fct_rto_estimates")
    own = Oracle(case.restores).own
    drawn, alone = [], []
    for name, mu, count, size in found:
        if 0 < count < 4:
            drawn.append((mu - math.log(size) - case.centre[name]) ** 2)
            alone.append((fmean(own[name]) - case.centre[name]) ** 2)
    assert len(drawn) > 100
    assert math.sqrt(fmean(drawn)) < 0.95 * math.sqrt(fmean(alone))


def kendall(series: Sequence[Restore]) -> tuple[float, float, int]:
    """Return the median slope in 30 days, the two-sided p-value and S, without ties."""
    pairs = list(combinations(sorted(series, key=lambda one: one.asked), 2))
    slopes = [(b.pace - a.pace) / ((b.asked - a.asked) / DAY) * 30 for a, b in pairs]
    total = sum(1 if slope > 0 else -1 for slope in slopes)
    n = len(series)
    z = (total - (total > 0) + (total < 0)) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return median(slopes), 2 * (1 - NORMAL.cdf(abs(z))), total


def test_the_trend_is_that_of_the_oracle_and_claims_nothing_from_seven(
    built: Any, case: Case
) -> None:
    series: dict[str, list[Restore]] = defaultdict(list)
    for one in case.restores:
        if not one.failed:
            series[one.instance].append(one)
    found = built.query(
        "select instance_id, n_restores, slope_per_30d, p_value, trend"
        " from marts.fct_rto_trend where level = 'instance'"
    )
    assert {row[0] for row in found} == set(series)
    for name, count, slope, p_value, trend in found:
        assert count == len(series[name])
        if count < 2:
            assert slope is None
            continue
        wanted, chance, total = kendall(series[name])
        assert slope == pytest.approx(wanted, rel=1e-6, abs=1e-12)
        if count < 8:
            assert (p_value, trend) == (None, "too_few")
        else:
            assert p_value == pytest.approx(chance, abs=5e-7)
            way = "slower" if total > 0 else "faster"
            assert trend == ("none" if chance > 0.05 else way)


@pytest.mark.parametrize(("level", "least"), [("instance", 380), ("group", 35)])
def test_the_trend_test_cries_wolf_as_seldom_as_it_says(built: Any, level: str, least: int) -> None:
    tested, wolf = built.query(
        "select count(*), count(*) filter (trend <> 'none') from marts.fct_rto_trend"
        f" where level = '{level}' and trend <> 'too_few'"
    )[0]
    assert tested >= least
    # Nothing was planted. Discreteness makes the test a little milder than 5 %.
    assert 0.05 * tested - 4 * math.sqrt(0.0475 * tested) <= wolf
    assert wolf <= 0.05 * tested + 3 * math.sqrt(0.0475 * tested)
    if level == "instance":
        assert wolf > 0


def usual(ended: Sequence[Restore], group: tuple[str, str], size: int) -> tuple[float, float]:
    """Return the mean of the group, else of the fleet, with the spread of what was seen."""
    paces = [one.pace for one in ended if one.group == group] or [one.pace for one in ended]
    spread = math.sqrt(variance(paces)) if len(paces) > 1 else math.sqrt(0.06)
    return math.log(size) + fmean(paces), spread


def test_a_small_fleet_is_not_sure_of_what_it_cannot_know() -> None:
    chance = random.Random(3)
    covered, plain_covered, loss, plain_loss = [], [], [], []
    for _ in range(400):
        centre: dict[tuple[str, str], float] = defaultdict(lambda: chance.gauss(-18, GROUP_SD))
        ended, undrilled = [], []
        for number in range(15):
            group = (f"t{number % 3}", f"v{chance.randrange(2)}")
            own = centre[group] + chance.gauss(0, INSTANCE_SD)
            made = [
                Restore(str(number), group, NOW, 1e9 * math.exp(own + noise(chance)), 10**9)
                for _ in range(chance.randrange(3) + 1)
            ]
            ended += made[1:]
            undrilled += made[:1] if len(made) == 1 else []
        if len(ended) < 3:
            continue
        oracle = Oracle(ended)
        for one in undrilled:
            actual = math.log(one.seconds)
            wanted = oracle.estimate(one.instance, one.group, one.size)
            plain = usual(ended, one.group, one.size)
            for mu, sigma, hits, losses in (
                (wanted.mu, wanted.sigma, covered, loss), (*plain, plain_covered, plain_loss)
            ):  # fmt: skip
                error = actual - (mu + NORMAL.inv_cdf(0.95) * sigma)
                hits.append(error <= 0)
                losses.append(max(0.95 * error, -0.05 * error))
    assert len(covered) > 1500
    assert abs(fmean(covered) - 0.95) < 0.025
    assert fmean(plain_covered) < 0.92  # what the peers' plain spread would have promised
    assert fmean(loss) < 0.9 * fmean(plain_loss)
