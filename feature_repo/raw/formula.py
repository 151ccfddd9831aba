"""Where one column of a raw table comes from, as a DuckDB expression."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Formula:
    """Where a column's value comes from: another column, a constant, or an expression.

    `format` reads times, `unit` multiplies numbers, `codes` translates; a code that is not listed
    becomes `otherwise`, or stays as it is when there is none (and then goes to quarantine).
    """

    column: str | None = None
    constant: str | None = None
    sql: str | None = None
    format: str | None = None
    unit: float | None = None
    codes: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    def text(self) -> str:
        """The DuckDB expression that gives the column's text."""
        if self.constant is not None:
            return quoted(self.constant)
        found = f"({self.sql})" if self.sql is not None else name(self.column or "")
        if self.format is not None:
            found = f"coalesce(cast(try_strptime({found}, {quoted(self.format)}) as varchar), {found})"
        if self.unit is not None:
            found = f"cast(try_cast({found} as decimal(38, 6)) * {self.unit!r} as varchar)"
        if self.codes:
            cases = " ".join(f"when {quoted(old)} then {quoted(new)}" for old, new in self.codes.items())
            other = found if self.otherwise is None else quoted(self.otherwise)
            found = f"case cast({found} as varchar) {cases} when null then null else {other} end"
        return f"cast({found} as varchar)"


def quoted(text: str) -> str:
    """A SQL string literal.

    >>> quoted("l'an")
    "'l''an'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'
