import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_rules.database import Database, Sqlite
from crm_rules.errors import BrokenChain, Conflict, DatabaseUnavailable, NotEnoughPoints, OtherTables
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.accrual import Earned
from crm_rules.loyalty.check import verify_ledger
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.limits import Loyalty
from crm_rules.loyalty.schema import CHAIN
from crm_rules.policy import Policy

JAN, JUNE = datetime(2025, 1, 10, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)
LATER = datetime(2025, 12, 1, tzinfo=UTC)


@pytest.fixture
def ledger(database: Database, heads: Heads) -> Iterator[Ledger]:
    opened = Ledger.open(database, heads)
    yield opened
    assert opened.violations() == []
    found = verify_ledger(database, (heads.read(CHAIN),))
    assert found.problems == ()
    assert found.entries == heads.read(CHAIN).seq


@pytest.fixture
def terms(policy: Policy) -> Loyalty:
    return policy.loyalty


def _spent(booking_id: str, points: int, at: datetime = JAN, customer: str = "ann") -> Booking:
    return Booking(booking_id, customer, at, -points * 10_00, "card_payment")


def _refund(booking_id: str, points: int, at: datetime = JUNE, customer: str = "ann") -> Booking:
    return Booking(booking_id, customer, at, points * 10_00, "card_payment")


def test_bookings_earn_once_however_often_they_come(ledger: Ledger, terms: Loyalty) -> None:
    bookings = [_spent("b1", 100), _spent("b2", 50, JUNE), _spent("b3", 70, customer="bob")]
    assert ledger.earn(bookings, terms) == Earned(bookings=3, points=220)
    assert ledger.earn([*bookings, bookings[0]], terms) == Earned(repeated=4)
    assert ledger.balance("ann", LATER).points == 150
    assert ledger.balance("bob", LATER).points == 70
    assert ledger.balance("nobody", LATER).points == 0


def test_a_booking_that_comes_again_with_other_content_is_counted_not_booked(
    ledger: Ledger, terms: Loyalty
) -> None:
    ledger.earn([_spent("b1", 100)], terms)
    assert ledger.earn([_spent("b1", 900)], terms) == Earned(changed=1)
    assert ledger.balance("ann", LATER).points == 100


def test_the_balance_shows_every_expiry_not_only_the_next(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 100, JUNE), _spent("b2", 50, JAN)], terms)
    schedule = [
        (lot.points, lot.expires_at.date().isoformat()) for lot in ledger.balance("ann", LATER).schedule
    ]
    assert schedule == [(50, "2027-01-11"), (100, "2027-06-11")]


def test_points_count_from_the_booking_to_their_expiry(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 100, JAN)], terms)
    expiry = datetime(2027, 1, 11, tzinfo=UTC)
    moments = (JAN - timedelta(seconds=1), JAN, expiry - timedelta(microseconds=1), expiry)
    assert [ledger.balance("ann", at).points for at in moments] == [0, 100, 100, 0]


def test_redeeming_takes_what_expires_first_and_each_line_names_its_lot(
    ledger: Ledger, terms: Loyalty
) -> None:
    ledger.earn([_spent("late", 200, JUNE), _spent("soon", 100, JAN)], terms)
    redemption = ledger.redeem("ann", 150, "k1", LATER, terms)
    assert redemption.lots == ((2, 100), (1, 50))
    assert [(lot.lot_id, lot.points) for lot in ledger.balance("ann", LATER).schedule] == [(1, 150)]


def test_the_same_request_again_is_the_same_redemption(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 300)], terms)
    first = ledger.redeem("ann", 200, "k1", LATER, terms)
    assert ledger.redeem("ann", 200, "k1", LATER + timedelta(days=1), terms) == first
    assert ledger.balance("ann", LATER).points == 100


@pytest.mark.parametrize(("customer", "points"), [("ann", 101), ("bob", 100)])
def test_a_key_used_for_another_request_is_a_conflict(
    ledger: Ledger, terms: Loyalty, customer: str, points: int
) -> None:
    ledger.earn([_spent("b1", 300), _spent("b2", 300, customer="bob")], terms)
    ledger.redeem("ann", 100, "k1", LATER, terms)
    with pytest.raises(Conflict, match="k1"):
        ledger.redeem(customer, points, "k1", LATER, terms)
    assert ledger.balance("ann", LATER).points + ledger.balance("bob", LATER).points == 500


@pytest.mark.parametrize(
    ("points", "problem"), [(301, "300 are there"), (99, "minimum"), (0, "minimum"), (-5, "min")]
)
def test_too_many_or_too_few_points_cannot_be_redeemed_and_leave_no_trace(
    ledger: Ledger, terms: Loyalty, points: int, problem: str
) -> None:
    ledger.earn([_spent("b1", 300)], terms)
    with pytest.raises(NotEnoughPoints, match=problem):
        ledger.redeem("ann", points, "k1", LATER, terms)
    assert ledger.balance("ann", LATER).points == 300
    assert ledger.redeem("ann", 300, "k1", LATER, terms).points == 300


def test_points_of_tomorrow_or_past_their_expiry_cannot_be_spent(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 300, JUNE)], terms)
    for at in (JAN, datetime(2027, 6, 11, tzinfo=UTC)):
        with pytest.raises(NotEnoughPoints, match="0 are there"):
            ledger.redeem("ann", 100, f"k{at}", at, terms)


def test_expiry_is_booked_once_and_no_balance_moves_by_it(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 300, JAN), _spent("b2", 40, JUNE)], terms)
    ledger.redeem("ann", 120, "k1", LATER, terms)
    after = datetime(2027, 2, 1, tzinfo=UTC)
    before = ledger.balance("ann", after)
    assert (ledger.expire(after), ledger.expire(after)) == (180, 0)
    assert ledger.balance("ann", after) == before
    assert ledger.balance("ann", LATER).points == 220


def test_a_refund_takes_back_what_was_earned(ledger: Ledger, terms: Loyalty) -> None:
    done = ledger.earn([_spent("b1", 300), _refund("r1", 300)], terms)
    assert done == Earned(bookings=2, points=300, clawed_back=300)
    assert ledger.balance("ann", LATER).points == 0


def test_a_refund_of_spent_points_is_owed_and_the_next_points_pay_it(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 300)], terms)
    ledger.redeem("ann", 250, "k1", JAN, terms)
    ledger.earn([_refund("r1", 300)], terms)
    owing = ledger.balance("ann", LATER)
    assert (owing.points, owing.owed) == (0, 250)
    ledger.earn([_spent("b2", 200, JUNE)], terms)
    assert ledger.balance("ann", LATER).owed == 50
    ledger.earn([_spent("b3", 200, JUNE)], terms)
    settled = ledger.balance("ann", LATER)
    assert (settled.points, settled.owed) == (150, 0)


def test_one_run_sees_its_own_repetitions_and_debts(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 100)], terms)
    ledger.redeem("ann", 100, "k1", JAN, terms)
    run = [_refund("r1", 100, JAN), _spent("b2", 80, JUNE), _spent("b2", 80, JUNE), _spent("b3", 80, JUNE)]
    assert ledger.earn(run, terms) == Earned(bookings=3, points=160, clawed_back=100, repeated=1)
    settled = ledger.balance("ann", LATER)
    assert (settled.points, settled.owed) == (60, 0)


def test_the_ledger_survives_its_process(
    ledger: Ledger, terms: Loyalty, database: Database, heads: Heads
) -> None:
    ledger.earn([_spent("b1", 300)], terms)
    again = Ledger.open(database, Heads(heads.folder))
    assert again.balance("ann", LATER).points == 300
    again.earn([_spent("b2", 20)], terms)


def test_a_run_that_breaks_off_books_nothing_of_its_chunk(ledger: Ledger, terms: Loyalty) -> None:
    with pytest.raises(AttributeError):
        ledger.earn([_spent("b1", 300), None], terms)  # type: ignore[list-item]  # the broken row is the point
    assert ledger.balance("ann", LATER).points == 0
    assert ledger.earn([_spent("b1", 300)], terms).points == 300


@pytest.mark.parametrize("statement", ["UPDATE entries SET points = 1", "DELETE FROM lot_lines"])
def test_nothing_booked_is_ever_changed(
    ledger: Ledger, terms: Loyalty, database: Database, statement: str
) -> None:
    ledger.earn([_spent("b1", 300)], terms)
    with pytest.raises(DatabaseUnavailable, match="only appended"):
        database.ask(statement)


def test_many_threads_cannot_spend_the_same_points_twice(ledger: Ledger, terms: Loyalty) -> None:
    ledger.earn([_spent("b1", 100)], terms)
    outcomes: list[str] = []

    def spend(number: int) -> None:
        try:
            ledger.redeem("ann", 100, f"k{number}", LATER, terms)
            outcomes.append("spent")
        except NotEnoughPoints:
            outcomes.append("refused")

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["spent"]


def test_violations_find_a_planted_wrong(database: Database, heads: Heads, terms: Loyalty) -> None:
    ledger = Ledger.open(database, heads)
    ledger.earn([_spent("b1", 300)], terms)
    database.ask("INSERT INTO entries VALUES (1, 'redeemed', 5)")
    database.ask("INSERT INTO transfers VALUES (9, 'x', 'redeem', 0, '', 'salt')")
    database.ask("INSERT INTO lot_lines VALUES (1, 9, -301)")
    assert ledger.violations() == [
        "the entries of transfer 1 do not add up to zero",
        "lot 1 was drawn below zero",
        "the lots of customer ann differ from the account",
        "the numbers of transfers have gaps before 9",
    ]
    assert verify_ledger(database, (heads.read(CHAIN),)).problems == (
        "ledger entry 1 (booking:b1): its content was altered",
        "ledger: transfer 9 (x): it has no entry in the chain",
    )
    with pytest.raises(BrokenChain, match="1 entries, but the next transfer is 10"):
        ledger.earn([_spent("b2", 300)], terms)


def test_a_ledger_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    other = Sqlite(tmp_path / "old.db")
    other.create("CREATE TABLE transfers (transfer_id INTEGER PRIMARY KEY, reference TEXT)")
    with pytest.raises(OtherTables, match="another version"):
        Ledger.open(other, Heads(tmp_path / "heads"))
    other.close()
