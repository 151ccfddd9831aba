"""Where one column of a raw table comes from: its text, and how the text is read, as DuckDB expressions."""

from dataclasses import dataclass, field

from feature_repo.raw.contracts import Kind

SQL_TYPE = {
    Kind.ID: "varchar", Kind.CODE: "varchar", Kind.TEXT: "varchar", Kind.MONEY: "decimal(18, 2)",
    Kind.NUMBER: "double", Kind.INTEGER: "bigint", Kind.FLAG: "boolean", Kind.TIME: "timestamptz",
}  # fmt: skip
NUMBERS = (Kind.MONEY, Kind.NUMBER, Kind.INTEGER)
PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
WIDE = (
    "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F)) + "\u3000\u2212\u00a0\u202f\u2009",
    "".join(chr(code) for code in range(0x21, 0x7F)) + " -   ",
)
"""Full-width forms, the minus sign and the spaces that typesetters use, and what NFKC makes of them."""
AWARE = r"[0-9](Z|[+-]\d{2}(:?\d{2})?| ?UTC)$"
ISO = r"\d{4}-\d{1,2}-\d{1,2}.*"
EARLIEST_EPOCH = 315_532_800
"""1980-01-01: seconds that were taken for milliseconds lie before it."""


@dataclass(frozen=True)
class Formula:
    """Where a column's value comes from: another column, a constant, or an expression.

    `format` reads times, each of several in turn; `epoch` reads a number of s, ms or us; `unit` multiplies
    numbers, `decimal` and `thousands` are their signs; `missing` lists values that mean there is none;
    `codes` translates; what is not listed, also none, becomes `otherwise`, or stays as it is when there
    is no `otherwise` (and then goes to quarantine).
    """

    column: str | None = None
    constant: str | None = None
    sql: str | None = None
    format: str | tuple[str, ...] = ()
    unit: float | None = None
    codes: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    decimal: str = "."
    thousands: str = ""
    epoch: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def formats(self) -> tuple[str, ...]:
        """Every format a time may have."""
        return (self.format,) if isinstance(self.format, str) else self.format

    def text(self, kind: Kind) -> str:
        """The expression that gives the column's text: narrow, trimmed, translated; null is missing."""
        if self.constant is not None:
            return quoted(self.constant)
        found = f"cast({self.sql or name(self.column or '')} as varchar)"
        if kind in (*NUMBERS, Kind.TIME, Kind.CODE, Kind.FLAG):
            narrow = f"translate({found}, {quoted(WIDE[0])}, {quoted(WIDE[1])})"
            found = f"trim(case when strlen({found}) = length({found}) then {found} else {narrow} end)"
            found = f"nullif({found}, '')"
        if self.missing:
            listed = ", ".join(quoted(one) for one in self.missing)
            found = f"case when {found} in ({listed}) then null else {found} end"
        if self.codes:
            cases = " ".join(f"when {quoted(old)} then {quoted(new)}" for old, new in self.codes.items())
            other = found if self.otherwise is None else quoted(self.otherwise)
            found = f"case {found} {cases} else {other} end"
        return found

    def value(self, kind: Kind, text: str, zone: str) -> str:
        """The expression that reads that text as its kind; null where it cannot be read."""
        if kind is Kind.TIME:
            return self._time(text, zone)
        if kind in NUMBERS:
            return self._number(kind, text)
        return f"try_cast({text} as {SQL_TYPE[kind]})"

    def _number(self, kind: Kind, text: str) -> str:
        plain, sure = text, ""
        if self.decimal != "." or self.thousands:
            point, group = _escaped(self.decimal), _escaped(self.thousands)
            whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)" if self.thousands else r"\d+"
            sure = rf"[+-]?{whole}({point}\d+)?|[+-]?{point}\d+"
            plain = f"replace({text}, {quoted(self.thousands)}, '')" if self.thousands else text
            plain = f"replace({plain}, {quoted(self.decimal)}, '.')"
        if kind is Kind.INTEGER and self.unit is None:
            sure = sure or r"[+-]?\d+(\.0*)?"
        if self.unit is not None:
            plain = f"try_cast({plain} as decimal(38, 6)) * {self.unit!r}"
        read = f"try_cast({plain} as {SQL_TYPE[kind]})"
        return f"case when regexp_full_match({text}, {quoted(sure)}) then {read} end" if sure else read

    def _time(self, text: str, zone: str) -> str:
        if self.epoch is not None:
            per, million = PER_SECOND[self.epoch], 1_000_000
            count = f"try_cast({text} as decimal(28, 6))"
            # Years 1980 to 2200: outside of them the unit is not what the mapping says.
            known = f"{count} between {EARLIEST_EPOCH * per} and {7_258_118_400 * per}"
            return f"case when {known} then make_timestamptz(cast({count} * {million // per} as bigint)) end"
        iso = f"try_cast({text} as timestamptz)"
        if zone != "UTC":
            here = f"timezone({quoted(zone)}, try_cast({text} as timestamp))"
            iso = f"case when regexp_matches({text}, {quoted(AWARE)}) then {iso} else {here} end"
        tried = []
        for one in self.formats:
            parsed = f"try_strptime({text}, {quoted(one)})"
            tried.append(parsed if "%z" in one or zone == "UTC" else f"timezone({quoted(zone)}, {parsed})")
        if not tried:
            return iso
        # What has no format of the mapping's may still be ISO 8601, which nobody can misread.
        tried.append(f"case when regexp_full_match({text}, {quoted(ISO)}) then {iso} end")
        return f"coalesce({', '.join(f'cast({one} as timestamptz)' for one in tried)})"


def quoted(text: str) -> str:
    """A SQL string literal.

    >>> quoted("l'an")
    "'l''an'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def _escaped(sign: str) -> str:
    return f"\\{sign}" if sign in ".|*+?()[]^$" else sign
