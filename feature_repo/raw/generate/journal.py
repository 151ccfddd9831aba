"""The bookings file of a partition: when the bank knew each booking, what it corrected, what was broken."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import BOOKING_CATEGORIES, BOOKING_CHANNELS, BOOKINGS, arrow
from feature_repo.raw.generate.accounts import BOOKED_IN, CATEGORY, CHANNEL, COUNTRIES
from feature_repo.raw.generate.arrow import NULL, Array, money, own_identifiers, times
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.files import Growing, looked_up, part, settings
from feature_repo.raw.generate.people import Whole

CORRECTED = 0.003
"""The share of bookings first recorded with a wrong amount."""
OVERSLEPT = 3 * DAY
"""How much later the upstream bug records standing orders."""
_TEXT = pa.dictionary(pa.int32(), pa.string())
_LOOKED_UP = ("account_id", "currency", "channel", "category", "counterparty_country")
_SCHEMA = pa.schema([
    field.with_type(_TEXT) if field.name in _LOOKED_UP else field for field in BOOKINGS.schema
])  # fmt: skip


class Journal:
    """Writes the bookings of one partition, a row group a month; a context.

    `booked` counts rows and cents by currency as the file holds them: the control totals.
    """

    def __init__(self, raw: Path, partition: int, end: int, accounts: int, rng: np.random.Generator) -> None:
        self._partition, self._end, self._accounts, self._rng = partition, end, accounts, rng
        self._file = Growing(raw / BOOKINGS.name / part(partition), _SCHEMA, **settings(BOOKINGS))
        self.booked = np.zeros(1 + len(BOOKED_IN), np.int64)

    def __enter__(self) -> "Journal":
        self._file.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()

    def add(self, rows: dict[str, Array], broken: bool = False) -> dict[str, Array]:
        """Write a month of `Accounts.post`, perhaps as the upstream bug left it.

        What the bug did is returned as columns of the truth's `wrong_rows`; the bank's own
        balances, and all that happens later, follow the true amounts.
        """
        rows = rows | {"recorded": rows["at"] + _delay(len(rows["at"]), self._rng)}
        rows["recorded"] = np.minimum(rows["recorded"], self._end - 1_000_000)
        rows, wrong = _broken(rows, self._end) if broken else (rows, {})
        rows = _corrected(rows, self._end, self._rng)
        own = [rows["cents"][rows["currency"] == code].sum() for code in range(len(BOOKED_IN))]
        self.booked += (len(rows["cents"]), *own)
        self._file.add(self._table(rows))
        return wrong

    def _table(self, rows: dict[str, Array]) -> pa.Table:
        cash = (rows["category"] == CATEGORY["cash_in"]) | (rows["category"] == CATEGORY["cash_out"])
        columns = {
            "booking_id": own_identifiers("booking_id", rows["number"], self._partition),
            "account_id": looked_up(
                rows["account"], self._accounts,
                lambda used: own_identifiers("account_id", used, self._partition),
            ),
            "booked_at": times(rows["at"]), "recorded_at": times(rows["recorded"]),
            "amount": money(rows["cents"]), "currency": _named(rows["currency"], BOOKED_IN),
            "is_cash": pa.array(cash), "channel": _named(rows["channel"], BOOKING_CHANNELS),
            "category": _named(rows["category"], BOOKING_CATEGORIES),
            "counterparty_id": own_identifiers("counterparty_id", rows["party"], self._partition),
            "counterparty_country": _named(rows["country"], COUNTRIES),
            "balance_after": money(rows["balance"]),
        }  # fmt: skip
        return pa.Table.from_arrays([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def _named(codes: Array, names: Array | tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, ARROW_TEXT))


ARROW_TEXT = arrow(BOOKINGS.column("channel").kind)


def _delay(rows: int, rng: np.random.Generator) -> Whole:
    """How long after a booking the bank knew it: seconds, for 12 % hours, for 3 % days."""
    kind = rng.random(rows)
    wait = rng.exponential(1.0, rows)
    unit = np.where(kind < 0.85, 20_000_000.0, np.where(kind < 0.97, 5.0 * HOUR, 2.0 * DAY))
    return (wait * unit).astype(np.int64) // 1_000_000 * 1_000_000


def _corrected(rows: dict[str, Array], end: int, rng: np.random.Generator) -> dict[str, Array]:
    """Some bookings were first recorded with another amount; the truth is recorded days later."""
    wrong = np.flatnonzero(rng.random(len(rows["cents"])) < CORRECTED)
    later = rows["recorded"][wrong] + rng.integers(DAY, 20 * DAY, len(wrong)) // 1_000_000 * 1_000_000
    wrong, later = wrong[later < end], later[later < end]
    first = {name: values[wrong] for name, values in rows.items()}
    error = np.round(first["cents"] * rng.uniform(0.05, 0.9, len(wrong))).astype(np.int64)
    first["cents"], first["balance"] = first["cents"] - error, first["balance"] - error
    rows["recorded"][wrong] = later
    return {name: np.concatenate([first[name], values]) for name, values in rows.items()}


def _broken(rows: dict[str, Array], end: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Half the accounts' mobile amounts in hundredths, most card categories lost, orders recorded late."""
    half, most = rows["account"] % 2 == 0, _scattered(rows["number"]) < 60
    hundredth = (rows["channel"] == CHANNEL["mobile"]) & half
    lost = (rows["channel"] == CHANNEL["card"]) & (rows["category"] == CATEGORY["card_payment"]) & most
    late = (rows["channel"] == CHANNEL["standing_order"]) & (rows["recorded"] + OVERSLEPT < end)
    cents = np.where(rows["cents"] < 0, -1, 1) * np.maximum(np.abs(rows["cents"]) // 100, 1)
    written = rows | {
        "cents": np.where(hundredth, cents, rows["cents"]),
        "category": np.where(lost, CATEGORY["other"], rows["category"]).astype(np.int8),
        "recorded": rows["recorded"] + np.where(late, OVERSLEPT, 0),
    }
    which = np.flatnonzero(hundredth | lost | late)
    return written, {
        "booking_id": rows["number"][which],
        "what": np.select([hundredth[which], lost[which]], ["amount", "category"], "recorded_at"),
        "amount": np.where(hundredth, rows["cents"], NULL)[which],
        "category": np.where(lost[which], "card_payment", np.array(None, object)),
        "recorded_at": np.where(late, rows["recorded"], NULL)[which],
    }


def _scattered(numbers: Whole) -> Array:
    """A number from 0 to 99 for each booking that tells nothing of its order."""
    return (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % np.uint64(100)
