"""Stop switches: who may, who may not twice, and what shows when somebody tampers with the file."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import BrokenSwitches, ClockSetBack, NotAllowed
from crm_rules.governance import keys
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Journal, signed
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.roll import Version
from crm_rules.governance.session import Signer
from crm_rules.governance.stops import Kind, Stops
from crm_rules.governance.switches import (
    FILE,
    MAY,
    Order,
    Switches,
    read_switches,
    switches_among,
    switches_of,
)
from crm_rules.governance.switching import Switchboard

AT = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
CARD, NEEDS = (Kind.PRODUCT, "card-gold"), (Kind.MODEL, "propensity")


class Board:
    """A switchboard with its folders; people by name, each order a minute after the one before."""

    def __init__(self, home: Path, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]) -> None:
        self.home, self.trust, self._keys, self.at = home, trust, signing, AT
        (home / "releases").mkdir(exist_ok=True)
        self.journal = Journal.open(home / "governance.db", "", home / "heads")
        self.board = Switchboard(home / "releases", self.journal, trust, Heads(home / "heads"))

    @property
    def file(self) -> Path:
        return self.home / "releases" / FILE

    def who(self, person: str) -> Signer:
        return Signer(self.trust.person(person), self._keys[person])

    def on(self, by: str, switch: tuple[Kind, str] = CARD) -> Order:
        self.at += timedelta(minutes=1)
        return self.board.stop(switch, self.who(by), self.at, "it misprices")

    def off(self, by: str, switch: tuple[Kind, str] = CARD) -> tuple[Order, bool]:
        self.at += timedelta(minutes=1)
        return self.board.start(switch, self.who(by), self.at, "it is mended")

    def at_day(self, days: int) -> "Board":
        """So many days later."""
        self.at += timedelta(days=days)
        return self

    def read(self, least: int = 0) -> Switches:
        return read_switches(self.home / "releases", self.trust, Heads(self.home / "heads"), least)


@pytest.fixture
def board(tmp_path: Path, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]) -> Iterator[Board]:
    made = Board(tmp_path, trust, signing)
    yield made
    made.journal.close()


def test_nothing_is_stopped_where_nobody_ever_gave_an_order(board: Board) -> None:
    assert board.read() == Switches()
    assert board.read().stops == Stops()
    assert board.board.finish() == Switches()
    assert not board.file.exists()


def test_whoever_stops_and_starts_is_kept_with_the_reason_in_file_journal_and_head(board: Board) -> None:
    board.on("otto")
    board.off("rita")
    order, done = board.off("carla")
    assert done
    found = board.read()
    assert found.stops == Stops()
    assert [(each.by, each.event.kind, each.reason) for each in found.orders] == [
        ("otto", "stopped", "it misprices"),
        ("rita", "start_asked", "it is mended"),
        ("carla", "started", "it is mended"),
    ]
    assert [event.kind for event in board.journal.events()] == ["stopped", "start_asked", "started"]
    assert board.journal.verify(board.trust).intact
    head = Heads(board.home / "heads").read("stops")
    assert (head.seq, head.link) == (3, order.digest)


@pytest.mark.parametrize(
    ("person", "may"),
    [
        pytest.param("otto", True, id="operator"),
        pytest.param("rita", True, id="risk-approver"),
        pytest.param("carla", True, id="compliance"),
        pytest.param("victor", False, id="validator"),
        pytest.param("dana", False, id="scientist"),
        pytest.param("ada", False, id="administrator"),
        pytest.param("aude", False, id="auditor"),
        pytest.param("una", False, id="underwriter"),
        pytest.param("rolf", False, id="relationship-manager"),
        pytest.param("mia", False, id="marketing"),
    ],
)
def test_an_operator_a_risk_approver_or_compliance_stops_alone(board: Board, person: str, may: bool) -> None:
    if may:
        board.on(person)
        assert board.read().stops == Stops.of([CARD])
        return
    with pytest.raises(NotAllowed, match="it takes operator or risk_approver or compliance"):
        board.on(person)
    assert board.journal.events() == []
    assert not board.file.exists()


def test_one_person_alone_never_starts_again_what_is_stopped(board: Board) -> None:
    board.on("otto")
    assert board.off("rita")[1] is False
    assert board.read().stops == Stops.of([CARD])
    with pytest.raises(NotAllowed, match="'rita' asked for it; another person"):
        board.off("rita")
    with pytest.raises(NotAllowed, match="it takes operator"):
        board.off("dana")
    assert board.read().number == 2
    assert board.off("otto")[1] is True  # who stopped it may be the second to start it


def test_stopping_again_undoes_that_somebody_asked_to_start(board: Board) -> None:
    board.on("otto")
    assert board.on("carla").number == 1  # it is stopped: nothing is added
    board.off("rita")
    assert board.on("carla").number == 3
    assert board.read().asked(CARD) is None
    assert board.off("otto")[1] is False
    assert board.off("rita")[1] is True


def test_switches_do_not_get_in_each_others_way(board: Board) -> None:
    board.on("otto")
    board.on("otto", NEEDS)
    board.off("rita")
    assert board.off("carla", NEEDS)[1] is False
    assert board.off("otto")[1] is True
    assert board.read().stops == Stops.of([NEEDS])


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        pytest.param("", "why", "a name has", id="no-name"),
        pytest.param("x" * 201, "why", "a name has", id="long-name"),
        pytest.param("card\x1b[2J", "why", "a name has", id="unprintable"),
        pytest.param("card", " ", "it takes a reason", id="no-reason"),
    ],
)
def test_an_order_needs_a_name_and_a_reason(board: Board, name: str, reason: str, said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        board.board.stop((Kind.PRODUCT, name), board.who("otto"), AT, reason)


def test_what_is_not_stopped_is_not_started_and_time_does_not_run_back(board: Board) -> None:
    with pytest.raises(NotAllowed, match="it is not on"):
        board.off("otto")
    board.on("otto")
    with pytest.raises(ClockSetBack):
        board.board.stop(NEEDS, board.who("otto"), AT - timedelta(days=1), "why")
    assert board.read().stops == Stops.of([CARD])


Entries = list[dict[str, Any]]


def cut(entries: Entries) -> Entries:
    return entries[:-1]


def emptied(entries: Entries) -> Entries:
    return []


def swapped(entries: Entries) -> Entries:
    return [entries[1], entries[0], *entries[2:]]


def another_name(entries: Entries) -> Entries:
    return [{**entries[0], "subject": "product/other"}, *entries[1:]]


def another_person(entries: Entries) -> Entries:
    return [{**entries[0], "by": "carla", "role": "compliance"}, *entries[1:]]


def another_role(entries: Entries) -> Entries:
    return [{**entries[0], "role": "administrator"}, *entries[1:]]


def nobody(entries: Entries) -> Entries:
    return [{**entries[0], "by": "eve"}, *entries[1:]]


def no_signature(entries: Entries) -> Entries:
    return [{**entries[0], "signature": ""}, *entries[1:]]


def doubled(entries: Entries) -> Entries:
    return [*entries, entries[-1]]


def of_another_kind(entries: Entries) -> Entries:
    return [*entries, {**entries[-1], "kind": "approved"}]


def without_a_body(entries: Entries) -> Entries:
    return [{**entries[0], "body": {}}, *entries[1:]]


def no_list(entries: Entries) -> Any:
    return {"orders": entries}


@pytest.mark.parametrize(
    "tamper",
    [cut, emptied, swapped, another_name, another_person, another_role, nobody, no_signature, doubled,
     of_another_kind, without_a_body, no_list],
)  # fmt: skip
def test_a_file_that_was_tampered_with_is_refused(board: Board, tamper: Callable[[Entries], Any]) -> None:
    board.on("otto")
    board.on("rita", NEEDS)
    content = board.file.read_bytes()
    board.file.write_bytes(canonical(tamper(json.loads(content))))
    with pytest.raises(BrokenSwitches, match="Running workers keep the ones they know"):
        board.read()
    board.board.finish()  # the next command writes it again from the journal
    assert board.file.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b"null", b"[" * 100_000])
def test_a_file_that_is_no_list_of_orders_is_refused(board: Board, content: bytes) -> None:
    board.file.write_bytes(content)
    with pytest.raises(BrokenSwitches):
        board.read()


def test_a_deleted_file_shows_by_its_head_and_a_worker_knows_without(board: Board) -> None:
    board.on("otto")
    board.file.unlink()
    with pytest.raises(BrokenSwitches, match="ends at order 0, there were 1"):
        board.read()
    shutil.rmtree(board.home / "heads")
    assert board.read() == Switches()  # who may delete both hides it from who starts ...
    with pytest.raises(BrokenSwitches, match="ends at order 0, there were 1"):
        board.read(least=1)  # ... and not from who runs


def test_another_list_of_the_same_length_is_not_the_one_that_was_anchored(
    board: Board, tmp_path: Path, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]
) -> None:
    board.on("otto")
    (tmp_path / "elsewhere").mkdir()
    other = Board(tmp_path / "elsewhere", trust, signing)
    other.on("carla", NEEDS)
    other.journal.close()
    shutil.copy(other.file, board.file)
    with pytest.raises(BrokenSwitches, match="another than the one that was anchored"):
        board.read()


def forged_off(state: Switches, board: Board, by: str, **changed: Any) -> Order:
    body = {"number": state.number + 1, "before": state.last, "reason": "let me", **changed}
    role = next(iter(board.trust.person(by).roles))
    who = board.who(by)
    return Order.of(signed("started", "product/card-gold", by, role, board.at, body, who.key))


@pytest.mark.parametrize(
    ("by", "asked", "said"),
    [
        pytest.param("otto", "", "nobody asked", id="without-an-asking"),
        pytest.param("otto", "0" * 64, "nobody asked", id="naming-another-asking"),
        pytest.param("rita", None, "it takes two people", id="the-one-who-asked"),
        pytest.param("dana", None, "nobody gives it as scientist", id="who-may-not"),
    ],
)
def test_a_signed_order_that_takes_off_alone_does_not_count(
    board: Board, by: str, asked: str | None, said: str
) -> None:
    board.on("otto")
    asking, _ = board.off("rita")
    order = forged_off(board.read(), board, by, asked=asking.digest if asked is None else asked)
    entries = [*json.loads(board.file.read_bytes()), order.as_json()]
    board.file.write_bytes(canonical(entries))
    with pytest.raises(BrokenSwitches, match=said):
        board.read()


def test_an_asking_from_before_the_switch_was_put_on_again_does_not_count(board: Board) -> None:
    board.on("otto")
    asking, _ = board.off("rita")
    board.on("otto")
    state = board.read()
    order = forged_off(state, board, "carla", asked=asking.digest)
    with pytest.raises(ValueError, match="nobody asked"):
        switches_of([each.event for each in (*state.orders, order)], board.trust)


def test_an_order_cut_short_before_the_file_is_written_by_the_next_command(board: Board) -> None:
    board.on("otto")
    before = board.file.read_bytes()
    state = board.read()
    body = {"number": 2, "before": state.last, "reason": "killed here"}
    event = signed(
        "stopped", "model/propensity", "carla", Role.COMPLIANCE, board.at, body, board.who("carla").key
    )
    with board.journal.writing() as turn:
        turn.append(event)
    assert board.file.read_bytes() == before
    board.on("rita", (Kind.OFFER, "fund-growth"))
    assert board.read().stops == Stops.of([CARD, NEEDS, (Kind.OFFER, "fund-growth")])


def test_a_file_that_is_as_the_journal_says_is_not_written_again(board: Board) -> None:
    board.on("otto")
    before = board.file.stat()
    board.board.finish()
    assert board.file.stat() == before


def test_a_kill_between_file_and_head_is_no_tampering(board: Board) -> None:
    board.on("otto")
    head = (board.home / "heads" / "stops.head").read_bytes()
    board.on("rita", NEEDS)
    (board.home / "heads" / "stops.head").write_bytes(head)
    assert board.read().stops == Stops.of([CARD, NEEDS])
    board.board.finish()
    assert Heads(board.home / "heads").read("stops").seq == 2


def test_a_journal_of_another_bank_does_not_replace_the_file(
    board: Board, tmp_path: Path, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]
) -> None:
    board.on("otto")
    content = board.file.read_bytes()
    empty = Journal.open(tmp_path / "empty.db", "", tmp_path / "other-heads")
    with pytest.raises(BrokenSwitches, match="the journal does not hold the order 1"):
        replace(board.board, journal=empty).finish()
    empty.close()
    assert board.file.read_bytes() == content


def test_an_order_signed_with_a_key_of_nobody_does_not_count(board: Board) -> None:
    stranger = keys.generate(board.home / "eve.pem")
    event = signed(
        "stopped",
        "product/card-gold",
        "otto",
        MAY[0],
        AT,
        {"number": 1, "before": "0" * 64, "reason": "x"},
        stranger,
    )
    with pytest.raises(ValueError, match="the signature of 'otto' does not fit it"):
        switches_of([event], board.trust)


PLANTED = [
    pytest.param("stopped", "dana", Role.SCIENTIST, {}, id="who-may-not"),
    pytest.param("stopped", "otto", Role.OPERATOR, {"number": 7}, id="another-number"),
    pytest.param("started", "otto", Role.OPERATOR, {"asked": "0" * 64}, id="taken-off-alone"),
    pytest.param("stopped", "otto", Role.OPERATOR, {"number": "two"}, id="not-well-formed"),
]


@pytest.mark.parametrize(("kind", "by", "role", "changed"), PLANTED)
def test_an_order_put_in_the_journal_keeps_nobody_from_stopping(
    board: Board, kind: str, by: str, role: Role, changed: dict[str, Any]
) -> None:
    board.on("otto")
    body = {"number": 2, "before": board.read().last, "reason": "planted", **changed}
    with board.journal.writing() as turn:
        turn.append(signed(kind, "product/card-gold", by, role, board.at, body, board.who(by).key))
    board.on("rita", NEEDS)
    assert board.read().stops == Stops.of([CARD, NEEDS])
    _, [told] = switches_among(board.journal.events(), board.trust)
    assert told.startswith(f"entry 2 ({kind} product/card-gold) does not count: order ")


def revoked(trust: Trust, person: str, since: datetime) -> Trust:
    """The list after the person's key was found stolen, back to then."""
    listed, last = trust.person(person), trust.versions[-1]
    ended = replace(listed, keys=(replace(listed.keys[0], until=since),))
    version = Version(last.number + 1, since + timedelta(days=9), last.digest, True, (ended,))
    return Trust((*trust.versions, version), trust.profile)


def test_orders_of_a_key_found_stolen_have_no_effect_and_the_others_go_on(board: Board) -> None:
    """Whoever took it off with the stolen key took nothing off; what it stopped goes on."""
    board.on("otto")
    since = board.at + timedelta(seconds=1)
    board.on("carla", NEEDS)
    board.off("carla")
    board.off("otto")
    assert board.read().stops == Stops.of([NEEDS])
    board.trust = revoked(board.trust, "carla", since)
    board.board = replace(board.board, trust=board.trust)
    assert board.read().stops == Stops.of([CARD])
    board.on("rita", (Kind.OFFER, "fund-growth"))
    assert board.read().stops == Stops.of([CARD, (Kind.OFFER, "fund-growth")])
    board.off("rita")
    assert board.off("otto")[1]
    assert board.read().stops == Stops.of([(Kind.OFFER, "fund-growth")])


def test_a_key_that_was_revoked_gives_no_order_afterwards(board: Board) -> None:
    since = board.at
    board.on("otto")
    board.trust = revoked(board.trust, "carla", since)
    order = forged_off(board.read(), board.at_day(30), "carla")
    board.file.write_bytes(canonical([*json.loads(board.file.read_bytes()), order.as_json()]))
    with pytest.raises(BrokenSwitches, match="no key counted then"):
        board.read()
