"""Logged decisions decided again by another policy, from their records alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.governance.stops import Kind, Stops
from crm_rules.policy import STANDARD, Policy
from crm_rules.policy_book import PolicyBook
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from monitoring.errors import NothingDecided
from monitoring.simulated import Simulation
from serving import simulating
from serving.deciding.asking import CreditRequest, OfferRequest, Stamp
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from serving.errors import NothingPlanned
from serving.pipeline.simulating import planned, simulated
from tests.conftest import EVENT_US, Tiny, feature_row, make_scorer, make_tiny
from training.release.manifest import Origin
from training.release.once import run_once

NOW = datetime(2026, 4, 1, tzinfo=UTC)
AT, LATER = "2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"
MANY = 60
DAYS = "from = 2026-05-01\nuntil = 2026-06-01\n"
STRICTER = {"amount_max = 500000.0": "amount_max = 5000.0", 'version = "2026.1"': 'version = "2026.2"'}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A tiny bank of sixty customers, with their offers and applications in a live log and a batch file."""
    tiny = make_tiny(tmp_path_factory.mktemp("simulated"))
    rng = np.random.default_rng(5)
    ids = [f"c{number}" for number in range(MANY)]
    with PackedRows.open(tiny.online, read_only=False) as rows:
        for view, columns in tiny.origin.feature_views.items():
            usual = np.array([[feature_row().get(column, 0.0) for column in columns]] * MANY)
            matrix = usual * np.exp(rng.normal(size=usual.shape) * (view not in ("owned", "engagement")))
            rows.write(view, columns, ids, [EVENT_US] * MANY, matrix)
    scorer = make_scorer(tiny)
    logs = DecisionLogs.of(settings_of(tiny))
    live = logs.open("worker-1")
    live.append([each.record for each in [*applications(scorer, ids, AT), *offers(scorer, ids, LATER)]])
    stopped = scorer.under(Stops.of([(Kind.PRODUCT, "savings-term")]))
    live.append([each.record for each in offers(stopped, ids[:10], LATER)])
    live.close()
    with BatchLog(logs, "b1", AT) as batch:
        batch.append([each.record for each in applications(scorer, ["", *ids[:9]], LATER, 90_000.0)])
    return tiny


def settings_of(tiny: Tiny) -> Settings:
    return Settings(home=tiny.home, profile="demo")


def applications(scorer: Scorer, ids: list[str], at: str, amount: float = 6_000.0) -> list[Decision]:
    asked = [CreditRequest(name or None, amount, 24, 5_000.0) for name in ids]
    return scorer.credit_decision(asked, [Stamp(f"a-{at}-{name}", "r", at, "t") for name in ids])


def offers(scorer: Scorer, ids: list[str], at: str) -> list[Decision]:
    asked = [OfferRequest(name, "app") for name in ids]
    stops = len(scorer.loaded.stops.named)
    stamps = [Stamp(f"o-{stops}-{name}", "r", at, "t") for name in ids]
    return [each for each in scorer.next_best_action(asked, stamps) if isinstance(each, Decision)]


def policy(folder: Path, changes: dict[str, str]) -> Path:
    text = STANDARD.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "other.toml"
    path.write_text(text)
    return path


def run(tiny: Tiny, source: Path | None, newest: int | None = None, since: str = "") -> Simulation:
    return simulated(settings_of(tiny), source, newest, since, NOW)


def by_use_case(found: Simulation) -> dict[str, Any]:
    return {each.use_case: each for each in found.found}


def test_the_same_policy_changes_nothing_and_everything_comes_out_as_logged(
    bank: Tiny, tmp_path: Path
) -> None:
    found = run(bank, policy(tmp_path, {}))
    counted = by_use_case(found)
    assert {name: each.changed.of for name, each in counted.items()} == {
        "credit": MANY + 10, "next_best_action": MANY + 10,
    }  # fmt: skip
    assert all(each.changed.some == each.shown_changed.some == 0 for each in counted.values())
    assert all(rule.old == rule.new for each in counted.values() for rule in each.rules)
    assert found.sound
    assert (found.as_logged.some, found.as_logged.of) == (2 * MANY + 20, 2 * MANY + 20)
    assert found.left_out == {}


def test_a_simulation_says_what_deciding_anew_by_that_policy_would(bank: Tiny, tmp_path: Path) -> None:
    source = policy(tmp_path, STRICTER)
    credit = by_use_case(run(bank, source))["credit"]
    scorer = make_scorer(bank)
    other = scorer.loaded.under_policy(simulating_policy(source))
    ids = [f"c{number}" for number in range(MANY)]
    moved: Counter[tuple[Any, Any]] = Counter()
    for who, at, amount in ((ids, AT, 6_000.0), (["", *ids[:9]], LATER, 90_000.0)):
        before = applications(scorer, who, at, amount)
        after = applications(under(scorer, other), who, at, amount)
        moved.update((x.outcome, y.outcome) for x, y in zip(before, after, strict=True))
    expected = {pair: n for pair, n in moved.items() if pair[0] != pair[1]}
    assert {(old, new): n for old, new, n in credit.moves} == expected
    assert sum(expected.values()) > 0


def simulating_policy(source: Path) -> Policy:
    return PolicyBook.load(source).latest


def under(scorer: Scorer, loaded: Any) -> Scorer:
    """The scorer with that policy as its first and only one."""
    rulebooks = replace(loaded.rulebooks, book=replace(loaded.book, policies=(loaded.rulebook.policy,)))
    return replace(scorer, loaded=replace(loaded, rulebooks=rulebooks))


def test_the_newest_and_those_since_a_day_are_taken_from_log_and_batches(bank: Tiny, tmp_path: Path) -> None:
    source = policy(tmp_path, {})

    def count(**asked: Any) -> dict[str, int]:
        return {name: each.changed.of for name, each in by_use_case(run(bank, source, **asked)).items()}

    assert count(newest=10) == {"credit": 10, "next_best_action": 10}
    assert count(newest=12) == {"credit": 12, "next_best_action": 12}
    assert count(since="2026-03-02") == {"credit": 10, "next_best_action": MANY + 10}
    with pytest.raises(NothingDecided):
        run(bank, source, since="2026-03-03")


def test_stop_switches_of_then_hold_in_both_decisions(bank: Tiny, tmp_path: Path) -> None:
    found = by_use_case(run(bank, policy(tmp_path, STRICTER)))["next_best_action"]
    stopped = {rule.code: rule for rule in found.rules}["STOP-01"]
    assert (stopped.old.some, stopped.new.some) == (10, 10)


def test_every_group_of_every_attribute_is_counted(bank: Tiny, tmp_path: Path) -> None:
    credit = by_use_case(run(bank, policy(tmp_path, STRICTER)))["credit"]
    assert [each.name for each in credit.attributes] == ["age", "gender", "newcomer", "segment", "value tier"]
    for each in credit.attributes:
        assert sum(group.changed.of for group in each.groups) == MANY + 10
        assert sum(group.changed.some for group in each.groups) == credit.changed.some
    assert {group.name for each in credit.attributes if each.name == "newcomer" for group in each.groups} == {
        "yes", "no",
    }  # fmt: skip


def test_what_cannot_be_decided_again_is_counted_with_its_reason(bank: Tiny) -> None:
    loaded = make_scorer(bank).loaded
    logs = DecisionLogs.of(settings_of(bank))
    payloads = list(logs.payloads("credit", 10))

    def spoiled(**other: object) -> Iterator[bytes]:
        for payload in payloads:
            yield orjson.dumps(orjson.loads(payload) | other)

    def gone(release: str) -> Any:
        raise InvalidPolicy("release", "is gone")

    def left_out(records: Iterator[bytes]) -> dict[str, int]:
        base = loaded.book.base
        made = simulating.Redeciding(simulating.Question(loaded, base, base), records, gone, base)
        assert list(made.compared()) == []
        return dict(made.left_out)

    [(why, count)] = left_out(spoiled(release="0" * 64)).items()
    assert (count, "is not there any more" in why) == (10, True)
    [(why, count)] = left_out(spoiled(request={"shape": "other"})).items()
    assert (count, why.startswith("TypeError")) == (10, True)


def test_one_record_that_cannot_be_read_spoils_no_other(bank: Tiny) -> None:
    loaded, base = make_scorer(bank).loaded, make_scorer(bank).loaded.book.base
    payloads = list(DecisionLogs.of(settings_of(bank)).payloads("credit", 9))
    odd = [orjson.dumps(orjson.loads(payloads[4]) | {"request": {}}), b"{}", b"no JSON"]
    records = [*payloads[:3], odd[0], *payloads[3:], *odd[1:]]
    made = simulating.Redeciding(simulating.Question(loaded, base, base), records, _never, base)
    assert len(list(made.compared())) == len(payloads) == 9
    assert made.left_out.total() == 3


def _never(release: str) -> Origin:
    raise AssertionError(release)


def test_a_record_of_a_release_that_read_more_is_placed_by_name() -> None:
    read = Origin({"b": ("b1", "b2"), "c": ("c1",)})
    kept = Origin({"a": ("a1",), "b": ("b2", "x", "b1"), "c": ("c1",)})
    places = simulating.Places.between(kept, read)
    assert [kept.columns[at] for at in places.columns] == list(read.columns)
    assert [kept.views[at] for at in places.views] == list(read.views)
    with pytest.raises(simulating.OtherColumns, match="a1"):
        simulating.Places.between(read, kept)


def test_without_a_file_the_planned_policy_is_simulated_or_its_absence_told(bank: Tiny) -> None:
    with pytest.raises(NothingPlanned, match="plans no change"):
        run(bank, None)


@pytest.mark.parametrize(("more", "version"), [
    pytest.param('[[changes]]\nfrom = 2026-05-01\nversion = "2026.5"\n', "2026.5", id="a-change-ahead"),
    pytest.param(f'[trial]\n{DAYS}share = 1\nsalt = "s"\nversion = "t"\n', "t", id="a-trial"),
    pytest.param('[[changes]]\nfrom = 2026-03-01\nversion = "2026.3"\n', None, id="a-change-behind"),
])  # fmt: skip
def test_what_is_planned_is_the_trial_or_the_last_change_ahead(more: str, version: str | None) -> None:
    text = STANDARD.read_text() + more + 'set = {"lending.application.amount_max" = 1.0}\n'
    book = PolicyBook.parse(text.encode())
    if version is None:
        with pytest.raises(NothingPlanned, match="plans no change"):
            planned(book, NOW)
    else:
        assert planned(book, NOW).version == version


def test_a_policy_that_names_what_the_release_lacks_is_refused(bank: Tiny, tmp_path: Path) -> None:
    source = policy(tmp_path, {"[targeting.only_for]": "[targeting.only_for]\ncard = ['S9']\n#"})
    with pytest.raises(InvalidPolicy, match="S9"):
        run(bank, source)


def test_a_model_that_remembers_answers_the_same_bits_and_runs_once(bank: Tiny) -> None:
    runtime = make_scorer(bank).loaded.runtime
    once = run_once(runtime)
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(7, len(runtime.columns))).astype(np.float32)
    expected, first, second = runtime.margins(matrix), once.margins(matrix), once.margins(matrix.copy())
    assert runtime.trees is not None
    for name in expected:
        assert np.array_equal(expected[name], first[name])
        assert np.array_equal(first[name], second[name])
    assert len(once.trees.given) == 1  # type: ignore[union-attr]
    other = matrix.copy()
    other[0, 0] += 1
    assert once.trees is not None
    assert np.array_equal(once.trees.run(other), runtime.trees.run(other))
