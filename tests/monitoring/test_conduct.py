"""What was said and sold, in small hand-made banks: each story with the alerts it raises."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bank import app
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.store import CaseStore
from crm_rules.governance.demo import make_demo
from crm_rules.policy_book import STANDARD, PolicyBook
from feature_repo.raw.source import Source
from monitoring.conduct import Conducted, check
from monitoring.conduct_tables import Window
from monitoring.errors import NoWindow
from tests.feature_repo.conftest import written

BOOK = PolicyBook.load(STANDARD)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CALLED = datetime(2026, 3, 10, 10, tzinfo=UTC)  # a Tuesday, eleven in Berlin
MARCH = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
NOW = datetime(2026, 4, 2, tzinfo=UTC)
Row = Mapping[str, Any]


def ago(days: float) -> datetime:
    return CALLED - timedelta(days=days)


def ann(**more: Any) -> Row:
    told = {"customer_id": "ann", "valid_from": LONG_AGO, "joined_at": LONG_AGO, "risk_level": "C3"}
    return {**told, "assessed_at": ago(30), "time_zone": "Europe/Berlin", **more}


def call(**more: Any) -> Row:
    told = {"interaction_id": "i1", "customer_id": "ann", "at": CALLED, "channel": "phone"}
    return {**told, "direction": "outbound", "topic": "investment", **more}


def offer(**more: Any) -> Row:
    told = {"offer_id": "o1", "customer_id": "ann", "product_id": "fund-b", "at": CALLED, "channel": "phone"}
    return {**told, **more}


def says(state: str, days: float, **more: Any) -> Row:
    told = {"customer_id": "ann", "channel": "phone", "purpose": "marketing", "state": state}
    return {**told, "at": ago(days), **more}


def product(name: str, risk: str | None, **more: Any) -> Row:
    told = {"product_id": name, "valid_from": LONG_AGO, "family": "fund", "risk_level": risk}
    return {**told, **more}


def bought(**more: Any) -> Row:
    return {"customer_id": "ann", "product_id": "fund-b", "opened_at": CALLED, **more}


GIVEN = says("given", 100)
SHELF = [product("fund-a", "R1"), product("fund-b", "R3")]


def bank(raw: Path, **tables: list[Row]) -> Path:
    """A bank of these tables, with customers, consents and products where the story brings none."""
    for name, rows in {"customers": [ann()], "consents": [GIVEN], "products": SHELF, **tables}.items():
        if rows:
            written(raw, name, rows)
    Source("hand-made", "CNY", LONG_AGO.isoformat(), MARCH.until.isoformat(), "", {}).write(raw)
    return raw


def checked(raw: Path, window: Window = MARCH, book: PolicyBook = BOOK, **tables: list[Row]) -> Conducted:
    return check(bank(raw, **tables), window, book, NOW)


def asked(found: Conducted) -> dict[str, tuple[int, int, int]]:
    """By rule: asked, without a verdict, alerts."""
    return {each.rule.code: (each.checked, each.not_judged, len(each.alerts)) for each in found.findings}


CONSENTS = [
    ("given before", [GIVEN], 0),
    ("never asked", [], 1),
    ("withdrawn before", [GIVEN, says("withdrawn", 5)], 1),
    ("withdrawn before, but recorded after the call: it was in force when the bank called",
     [GIVEN, says("withdrawn", 5, recorded_at=ago(-1))], 0),
    ("withdrawn in the call itself", [GIVEN, says("withdrawn", 0)], 0),
    ("withdrawn after", [GIVEN, says("withdrawn", -1)], 0),
    ("given before, but recorded after the call: the bank did not know",
     [says("given", 5, recorded_at=ago(-1))], 1),
    ("withdrawn and given again", [GIVEN, says("withdrawn", 5), says("given", 4)], 0),
    ("given, and corrected to a withdrawal before the call",
     [GIVEN, says("withdrawn", 100, recorded_at=ago(2))], 1),
    ("given on another channel", [says("given", 5, channel="email")], 1),
    ("given for another purpose", [says("given", 5, purpose="service")], 1),
    ("given by somebody else", [says("given", 5, customer_id="ben")], 1),
]  # fmt: skip


@pytest.mark.parametrize(("consents", "alerts"), [pytest.param(*case[1:], id=case[0]) for case in CONSENTS])
def test_a_call_that_offers_something_needs_a_consent_in_force(
    consents: list[Row], alerts: int, tmp_path: Path
) -> None:
    written(tmp_path, "consents", consents)
    found = checked(tmp_path, consents=consents, interactions=[call()])
    assert asked(found)["CDT-01"] == (1, 0, alerts)


TALKS = [
    ("a call about investing", call(), 1),
    ("about a loan, written otherwise", call(topic=" LOAN"), 1),
    ("about a product by its id", call(topic="FUND-B"), 1),
    ("of a campaign, whatever it is about", call(topic="card", campaign_id="spring"), 1),
    ("service", call(topic="card"), 0),
    ("a complaint", call(topic="complaint"), 0),
    ("about nothing written down", call(topic=None), 0),
    ("one the customer began", call(direction="inbound"), 0),
    ("a direction nobody wrote down", call(direction=None), 0),
    ("the day before the window", call(at=datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)), 0),
    ("the first moment of the window", call(at=MARCH.since), 1),
    ("the moment after the window", call(at=MARCH.until), 0),
]  # fmt: skip


@pytest.mark.parametrize(("talk", "count"), [pytest.param(*case[1:], id=case[0]) for case in TALKS])
def test_only_talk_that_the_bank_began_to_offer_something_is_looked_at(
    talk: Row, count: int, tmp_path: Path
) -> None:
    found = checked(tmp_path, interactions=[talk])
    assert asked(found)["CDT-01"][0] == found.found.looked.marketing == count


@pytest.mark.parametrize(
    ("correction", "count"),
    [
        pytest.param({"topic": "card"}, 0, id="it was service"),
        pytest.param({"at": MARCH.until}, 0, id="it was later"),
        pytest.param({"direction": "inbound"}, 0, id="the customer began"),
        pytest.param({"topic": "loan"}, 1, id="it was about another offer"),
    ],
)
def test_of_a_corrected_record_the_last_word_counts(
    correction: dict[str, Any], count: int, tmp_path: Path
) -> None:
    found = checked(
        tmp_path, interactions=[call(recorded_at=CALLED), call(**correction, recorded_at=ago(-9))]
    )
    assert asked(found)["CDT-01"][0] == count


def test_an_offer_is_a_contact_and_one_held_back_for_comparison_is_none(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        consents=[],
        offers=[offer(arm="treated"), offer(offer_id="o2", arm="control"), offer(offer_id="o3")],
    )
    assert found.found.looked.offers == 2
    assert "CDT-01" in found.left_out


MOMENTS = [
    ("nine in summer time", "Europe/Berlin", "2026-03-29T07:00:00", 0),
    ("eight before summer time began, at the same time of UTC", "Europe/Berlin", "2026-03-28T07:00:00", 1),
    ("a minute before eight in the evening", "Europe/Berlin", "2026-03-10T18:59:59", 0),
    ("eight in the evening", "Europe/Berlin", "2026-03-10T19:00:00", 1),
    ("morning in Shanghai", "Asia/Shanghai", "2026-03-10T01:00:00", 0),
    ("night in New York", "America/New_York", "2026-03-10T10:00:00", 1),
    ("a zone that is none", "Mars/North", "2026-03-10T10:00:00", 1),
    ("no zone", None, "2026-03-10T10:00:00", 1),
]


@pytest.mark.parametrize(("zone", "at", "alerts"), [pytest.param(*case[1:], id=case[0]) for case in MOMENTS])
def test_a_call_is_made_in_the_hours_of_the_customers_zone(
    zone: str | None, at: str, alerts: int, tmp_path: Path
) -> None:
    found = checked(
        tmp_path,
        customers=[ann(time_zone=zone), ann(customer_id="ben")],
        interactions=[
            call(at=datetime.fromisoformat(at + "+00:00")),
            call(interaction_id="i2", customer_id="ben"),
        ],
    )
    assert asked(found)["CDT-02"] == (2, 0, alerts)


def test_the_zone_counts_that_the_bank_knew_then(tmp_path: Path) -> None:
    moved = [ann(), ann(valid_from=ago(20), time_zone="America/New_York", recorded_at=ago(-1))]
    assert asked(checked(tmp_path, customers=moved, interactions=[call()]))["CDT-02"] == (1, 0, 0)
    known = [ann(), ann(valid_from=ago(20), time_zone="America/New_York", recorded_at=ago(1))]
    found = checked(tmp_path, customers=known, interactions=[call()])
    assert asked(found)["CDT-02"] == (1, 0, 1)
    assert found.findings[1].alerts[0].about["local_time"] == "06:00"


SOLD = [
    ("within the level", {}, SHELF, 0),
    ("above the level", {"risk_level": "C2"}, SHELF, 1),
    ("a level raised after the sale", {"risk_level": "C2"}, SHELF, 1),
    ("an assessment that ran out", {"assessed_at": ago(366)}, SHELF, 1),
    ("on its last day", {"assessed_at": ago(365)}, SHELF, 0),
    ("never assessed", {"risk_level": None, "assessed_at": None}, SHELF, 1),
    ("rated up after the sale", {}, [*SHELF, product("fund-b", "R5", valid_from=ago(-1))], 0),
    ("rated up before the sale", {}, [*SHELF, product("fund-b", "R5", valid_from=ago(1))], 1),
    ("rated up before the sale, but recorded after it", {},
     [*SHELF, product("fund-b", "R5", valid_from=ago(1), recorded_at=ago(-1))], 0),
    ("the seller's rating is higher", {}, [product("fund-b", "R2", seller_risk_level="R4")], 1),
    ("the issuer's rating is higher", {}, [product("fund-b", "R4", seller_risk_level="R2")], 1),
]  # fmt: skip


@pytest.mark.parametrize("by", ["sale", "offer", "conversation"])
@pytest.mark.parametrize(
    ("customer", "products", "alerts"), [pytest.param(*case[1:], id=case[0]) for case in SOLD]
)
def test_what_is_sold_or_offered_suits_the_customer_as_known_then(
    by: str, customer: dict[str, Any], products: list[Row], alerts: int, tmp_path: Path
) -> None:
    tables: dict[str, list[Row]] = {
        "sale": {"holdings": [bought()]},
        "offer": {"offers": [offer()]},
        "conversation": {"interactions": [call(topic="fund-b")]},
    }[by]
    later = ann(risk_level="C5", valid_from=ago(-1))
    found = checked(tmp_path, customers=[ann(**customer), later], products=products, **tables)
    assert asked(found)["CDT-03"] == (1, 0, alerts)


def test_a_product_without_a_rating_gets_no_verdict(tmp_path: Path) -> None:
    found = checked(tmp_path, products=[product("fund-b", None)], holdings=[bought()])
    assert asked(found)["CDT-03"] == (1, 1, 0)


FAMILIES = [
    ("one of the funds suits", SHELF, 0),
    ("none of them suits", [product("fund-b", "R4"), product("fund-c", "R5")], 1),
    ("the one that suits is no longer sold",
     [product("fund-a", "R1", withdrawn_at=ago(1)), product("fund-b", "R4")], 1),
    ("it was taken from sale later",
     [product("fund-a", "R1", withdrawn_at=ago(-1)), product("fund-b", "R4")], 0),
]  # fmt: skip


@pytest.mark.parametrize(("products", "alerts"), [pytest.param(*case[1:], id=case[0]) for case in FAMILIES])
def test_talk_of_a_family_is_unsuitable_only_where_all_of_it_is(
    products: list[Row], alerts: int, tmp_path: Path
) -> None:
    assert asked(checked(tmp_path, products=products, interactions=[call()]))["CDT-03"] == (1, 0, alerts)


def no(days: float, **more: Any) -> Row:
    """An offer of fund-b that she declined so many days before the call."""
    return offer(offer_id="o0", at=ago(days + 5), outcome="declined", outcome_at=ago(days), **more)


def said(outcome: str, **more: Any) -> Row:
    """A talk forty days before, and its outcome."""
    return call(interaction_id="i0", at=ago(40), outcome=outcome, **more)


DECLINED = no(9, recorded_at=ago(9))
REFUSALS = [
    ("the same product offered again", {"offers": [no(90, recorded_at=ago(89)), offer()]}, 1),
    ("a day later", {"offers": [no(91, recorded_at=ago(89)), offer()]}, 0),
    ("another product", {"offers": [no(9, product_id="fund-a", recorded_at=ago(9)), offer()]}, 0),
    ("talk of the family she declined one of", {"offers": [DECLINED], "interactions": [call()]}, 1),
    ("talk of another family", {"offers": [DECLINED], "interactions": [call(topic="loan")]}, 0),
    ("declined before, but recorded after", {"offers": [no(9, recorded_at=ago(-1)), offer()]}, 0),
    ("declined, and corrected to accepted",
     {"offers": [DECLINED, {**DECLINED, "outcome": "accepted", "recorded_at": ago(8)}, offer()]}, 0),
    ("ignored", {"offers": [{**DECLINED, "outcome": "ignored"}, offer()]}, 0),
    ("said no in a talk on the same topic", {"interactions": [said("Refused"), call()]}, 1),
    ("said no in a talk on another topic", {"interactions": [said("refused", topic="loan"), call()]}, 0),
    ("the talk was solved", {"interactions": [said("solved"), call()]}, 0),
    ("withdrew her consent there", {"consents": [GIVEN, says("withdrawn", 9)], "interactions": [call()]}, 1),
    ("withdrew it long ago", {"consents": [GIVEN, says("withdrawn", 91)], "interactions": [call()]}, 0),
    ("withdrew it and gave it again",
     {"consents": [GIVEN, says("withdrawn", 9), says("given", 8)], "interactions": [call()]}, 0),
    ("refused in this very talk", {"interactions": [call(outcome="refused")]}, 0),
    ("declined this very offer", {"offers": [offer(outcome="declined", outcome_at=ago(-1))]}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "alerts"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS])
def test_who_refused_is_not_asked_about_the_same_again(
    tables: dict[str, list[Row]], alerts: int, tmp_path: Path
) -> None:
    found = checked(tmp_path, **tables)
    assert asked(found)["CDT-04"] == (1, 0, alerts)


UP = product("fund-b", "R4", valid_from=CALLED)
HELD = [bought(opened_at=ago(200))]
RERATED = [
    ("held when it was rated up", HELD, [*SHELF, UP], (1, 1)),
    ("by the seller", HELD,
     [*SHELF, product("fund-b", "R3", seller_risk_level="R4", valid_from=CALLED)], (1, 1)),
    ("closed before", [{**HELD[0], "closed_at": ago(1)}], [*SHELF, UP], (0, 0)),
    ("closed after", [{**HELD[0], "closed_at": ago(-1)}], [*SHELF, UP], (1, 1)),
    ("bought after", [bought(opened_at=ago(-1))], [*SHELF, UP], (0, 0)),
    ("rated down", HELD, [product("fund-b", "R5"), UP], (0, 0)),
    ("too risky before already", HELD, [product("fund-b", "R4"), {**UP, "risk_level": "R5"}], (1, 0)),
    ("another product", HELD, [*SHELF, product("fund-a", "R5", valid_from=CALLED)], (0, 0)),
    ("known only after the window", HELD, [*SHELF, {**UP, "recorded_at": NOW}], (0, 0)),
    ("held since long before, known in the window", HELD,
     [*SHELF, product("fund-b", "R4", valid_from=ago(40), recorded_at=CALLED)], (1, 1)),
    ("a rate changed, not the rating", HELD,
     [*SHELF, product("fund-b", "R3", valid_from=CALLED, rate=0.1)], (0, 0)),
    ("rated up, and corrected after the window", HELD,
     [*SHELF, UP, {**UP, "risk_level": "R3", "recorded_at": NOW}], (1, 1)),
    ("an older rating corrected, which no longer held", HELD,
     [product("fund-b", "R3"), product("fund-b", "R3", valid_from=ago(90)),
      product("fund-b", "R5", recorded_at=CALLED)], (0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("holdings", "products", "counts"), [pytest.param(*case[1:], id=case[0]) for case in RERATED]
)
def test_a_holding_whose_product_is_rated_up_beyond_its_holder_is_told(
    holdings: list[Row], products: list[Row], counts: tuple[int, int], tmp_path: Path
) -> None:
    found = checked(tmp_path, holdings=holdings, products=products)
    rerated, alerts = counts
    assert asked(found)["CDT-05"] == (rerated, 0, alerts)


def test_an_alert_says_what_a_person_needs_to_look_into_it(tmp_path: Path) -> None:
    found = checked(tmp_path, customers=[ann(risk_level="C2")], interactions=[call(topic="fund-b")])
    [opening] = found.openings
    assert (opening.kind, opening.customer_id, opening.at) == (CaseKind.CONDUCT, "ann", NOW)
    assert opening.about == {
        "rule": "CDT-03", "law": "NFRA Order 2025-7", "what": "conversation", "which": "i1",
        "at": "2026-03-10T10:00:00+00:00", "local_time": "11:00", "channel": "phone", "topic": "fund-b",
        "product_id": "fund-b", "time_zone": "Europe/Berlin", "product_risk": 3.0, "risk_level": 2.0,
        "consent_here": 1.0, "days_since_assessment": 30,
    }  # fmt: skip


def test_the_same_alert_is_one_case_however_often_it_is_found(tmp_path: Path) -> None:
    told = {"consents": [says("withdrawn", 5)], "interactions": [call(), call(interaction_id="i2")]}
    found = checked(tmp_path / "raw", **told)
    wider = check(tmp_path / "raw", Window(LONG_AGO, NOW), BOOK, NOW + timedelta(days=9))
    ids = [each.case_id for each in found.openings]
    assert ids == [each.case_id for each in wider.openings]
    assert len(set(ids)) == 4  # two calls, each without a consent and after a refusal
    with CaseStore.open(tmp_path / "cases.db", "", tmp_path / "heads") as store:
        assert store.open_many(found.openings, BOOK.base.cases) == 4
        assert store.open_many(wider.openings, BOOK.base.cases) == 0


MISSING = [
    ("no interactions and no offers", {"holdings": [bought()]},
     {"CDT-01": "neither interactions nor offers", "CDT-02": "neither", "CDT-04": "neither"}),
    ("no consents", {"consents": [], "interactions": [call()]}, {"CDT-01": "consents", "CDT-05": "holdings"}),
    ("no products", {"products": [], "interactions": [call()], "holdings": [bought()]},
     {"CDT-03": "products", "CDT-05": "products"}),
    ("no zones at all",
     {"customers": [ann(time_zone=None)], "interactions": [call()], "holdings": [bought()]},
     {"CDT-02": "no customer's time zone is known"}),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "left_out"), [pytest.param(*case[1:], id=case[0]) for case in MISSING])
def test_a_rule_that_lacks_its_tables_is_left_out_by_name(
    tables: dict[str, list[Row]], left_out: dict[str, str], tmp_path: Path
) -> None:
    found = checked(tmp_path, **tables)
    assert set(found.left_out) == set(left_out)
    assert all(words in found.left_out[code] for code, words in left_out.items())
    assert not {each.rule.code for each in found.findings} & set(left_out)


def test_each_day_is_held_against_the_policy_in_force_on_it(tmp_path: Path) -> None:
    """From 10 March of the bank on calls begin at noon: eleven in Berlin was right the day before."""
    changed = STANDARD.read_bytes() + (
        b'\n[[changes]]\nfrom = 2026-03-10\nversion = "noon"\nset = {"contact.hours.phone.from" = "12:00"}\n'
    )
    midnight = datetime(2026, 3, 9, 16, tzinfo=UTC)  # of 10 March in Shanghai
    calls = [
        call(interaction_id=name, at=at)
        for name, at in (
            ("day before", ago(1)), ("same day", CALLED),
            ("last moment", midnight - timedelta(seconds=1)), ("first moment", midnight),
        )
    ]  # fmt: skip
    found = checked(tmp_path, book=PolicyBook.parse(changed), interactions=calls, customers=[ann()])
    hours = next(each for each in found.findings if each.rule.code == "CDT-02")
    assert [each.about["which"] for each in hours.alerts] == ["same day"]
    assert (hours.checked, found.found.looked.conversations) == (4, 4)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(NoWindow, match="from 2026-04-01 to before 2026-03-01"):
        Window.of(MARCH.until, MARCH.since)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank whose last month holds a call at night, under the shipped policy."""
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    monkeypatch.delenv("BANK_DATABASE", raising=False)
    bank(
        tmp_path / "raw",
        interactions=[call(at=datetime(2026, 3, 10, 2, tzinfo=UTC)), call(interaction_id="i2")],
    )
    return tmp_path


def run(*words: str) -> str:
    ran = CliRunner().invoke(app, ["conduct", "check", *words], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_the_command_says_what_it_looked_through_and_what_is_next(home: Path) -> None:
    told = run()
    assert "conduct from 2026-03-01 to 2026-04-01" in told
    assert "2 conversations, 2 of them begun by the bank and 2 of those offering something" in told
    line = next(line for line in told.splitlines() if line.startswith("CDT-02"))
    assert line.split()[1:5] == ["2", "0", "1", "50.0%"]
    assert "CDT-05  left out: the table holdings was not delivered" in told
    assert "The table offers was not delivered, so no offer was looked through." in told
    assert "1 alert; next: bank conduct check --open makes a case of it" in told
    assert not (home / "cases.db").exists()


def test_the_command_tells_the_same_as_data(home: Path) -> None:
    told = json.loads(run("--json", "--since", "2026-03-10", "--until", "2026-03-11"))
    assert {each["code"]: each["alerts"] for each in told["rules"]} == {
        "CDT-01": 0, "CDT-02": 1, "CDT-03": 0, "CDT-04": 0,
    }  # fmt: skip
    assert [(each["which"], each["local_time"]) for each in told["alerts"]] == [("i1", "03:00")]
    assert (told["opened"], told["missing"]) == (None, ["offers", "holdings"])


def test_the_command_opens_no_case_where_nobody_could_act_on_it(home: Path) -> None:
    ran = CliRunner().invoke(app, ["conduct", "check", "--open"])
    assert "nobody may act" in str(ran.exception)
    assert not (home / "cases.db").exists()


def test_the_command_opens_each_case_once(home: Path) -> None:
    make_demo(home / "trust.json", home / "keys", NOW)
    assert "1 alert, 1 of them a new case; next: bank cases list --kind conduct" in run("--open")
    assert "1 alert, 0 of them" in run("--open")


def test_days_outside_the_data_hold_nothing(home: Path) -> None:
    assert run("--since", "2030-01-01", "--until", "2030-02-01").splitlines()[-1] == "no alerts"
