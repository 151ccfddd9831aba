"""What a text that cannot be read as its kind looks like: its class, never the text."""

from feature_repo.raw.contracts import Column, Kind
from feature_repo.raw.formula import NUMBERS, Formula, quoted

NUMBER_SHAPES = (
    (r"(?i)[+-]?(nan|inf|infinity)", "not finite", "NaN and infinity are no numbers here"),
    (r"[+-]?\d{1,3}([.,' ]\d{3})+([.,]\d+)?", "number with thousands separators",
     "its mapping lacks `thousands` or `decimal`"),
    (r"[+-]?\d*,\d+", "number with decimal comma", "its mapping lacks `decimal = \",\"`"),
    (r"[+-]?\d+\.\d+", "number with a fraction", "a whole number should stand there"),
    (r"[+-]?\d{10,}(\.\d+)?", "too large", "more than the column can hold"),
    (r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", "date", "a date stands where a number should"),
)  # fmt: skip
FORMULA = (r"[=@].*|[+-][A-Za-z(].*", "formula", "a spreadsheet formula, kept as text and never run")
DATES = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*"
EUROPEAN = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*"
DIGITS = r"[+-]?\d+(\.\d+)?"


def shapes(column: Column, formula: Formula) -> list[tuple[str, str, str]]:
    """Pattern, value class and reason of texts that a formula cannot read; the first match counts."""
    kind = column.kind
    if kind is Kind.TIME:
        found = _time_shapes(formula)
    elif kind in NUMBERS:
        found = [one for one in NUMBER_SHAPES if kind is Kind.INTEGER or one[1] != "number with a fraction"]
        if formula.decimal != "." or formula.thousands:
            wrong = "its decimal sign and thousands separators are not those of the mapping"
            found = [found[0], (r"[+-]?[\d.,' ]+", "number in another format", wrong)]
    else:
        found = []
    return [*found, FORMULA, (r"(?s).*", "text", f"not a {kind}")]


def fault(pattern: str, text: str) -> str:
    """The condition under which that text has the shape."""
    return f"regexp_full_match({text}, {quoted(pattern)})"


def _time_shapes(formula: Formula) -> list[tuple[str, str, str]]:
    impossible = "no such day or time"
    if formula.epoch is not None:
        mixed = "not between 1980 and 2200: are seconds, milliseconds or microseconds mixed up?"
        return [(DIGITS, "out of range", mixed)]
    if formula.formats:
        return [
            (rf"{DATES}|{EUROPEAN}|\d{{4,17}}", "impossible date", f"{impossible}, or another format"),
        ]
    return [
        (DATES, "impossible date", impossible),
        (EUROPEAN, "date in another format", "its mapping lacks `format`"),
        (DIGITS, "number", "its mapping lacks `format` or `epoch`"),
    ]
