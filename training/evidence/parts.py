"""The pieces that papers are put together from: tables of figures, gates, trials, features, lineage."""

from collections.abc import Iterable, Mapping

from training.evidence.exhibit import Cell, Exhibit
from training.evidence.headline import Figure, headlines, said
from training.evidence.page import Plot, Table
from training.evidence.record import Record
from training.evidence.words import term, word
from training.trained import Note, Trial

MOST_TRIALS = 15


def text(note: Note, language: str) -> str:
    """A note in a language."""
    return note.zh if language == "zh" else note.en


def cell(value: Cell, language: str) -> str:
    """A cell as it is printed.

    >>> cell(0.123456, "en"), cell(1200, "en"), cell(None, "en"), cell("stable", "zh"), cell(1e-6, "en")
    ('0.1235', '1,200', '', '稳定', '1e-06')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return term(value, language)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if value and abs(value) < 0.01 else f"{value:,.4f}".rstrip("0").rstrip(".")


def plot(exhibit: Exhibit, language: str) -> Plot:
    """An exhibit in a language: the image as it is, its finding and its table translated."""
    title = exhibit.title_zh if language == "zh" else exhibit.title
    header = tuple(term(each, language) for each in exhibit.header)
    rows = tuple(tuple(cell(each, language) for each in row) for row in exhibit.rows)
    return Plot(exhibit.image, Table(title, header, rows))


def figures(record: Record, champion: Record | None, language: str) -> Table:
    """Every headline figure with its interval, beside the plain baseline and the version in service."""
    served = {(f.member, f.key): f for f in headlines(champion.metrics)} if champion else {}
    rows = []
    for figure in headlines(record.metrics):
        other = served.get((figure.member, figure.key))
        plain = "" if figure.baseline is None else said(figure.baseline)
        served_text = (other.text if other else "",) if champion else ()
        rows.append((_named(figure, language), figure.text, plain, *served_text))
    heads = ("figure", "value", "plain", *(("champion",) if champion else ()))
    return Table(word("figures", language), tuple(word(head, language) for head in heads), tuple(rows))


def _named(figure: Figure, language: str) -> str:
    measure = figure.measure.zh if language == "zh" and figure.measure.zh else figure.measure.en
    return f"{figure.member} {measure}".strip()


def gates(record: Record, language: str) -> Table:
    """Each gate with its value, its limit and its verdict."""
    rows = tuple(
        (gate.name, said(gate.value), said(gate.limit), word("yes" if gate.passed else "no", language))
        for gate in record.gates
    )
    heads = tuple(word(head, language) for head in ("gate", "found", "limit", "verdict"))
    return Table(word("gates", language), heads, rows)


def trials(record: Record, language: str) -> tuple[Table, ...]:
    """What was tried, a table each measure, the best first."""
    measures = dict.fromkeys(trial.measure for trial in record.trials)
    return tuple(_tried(measure, record.trials, language) for measure in measures)


def _tried(measure: str, tried: Iterable[Trial], language: str) -> Table:
    found = sorted((t for t in tried if t.measure == measure), key=lambda trial: -trial.value)
    shown = word("shown", language).format(shown=min(MOST_TRIALS, len(found)), all=len(found))
    rows = tuple((t.name, f"{t.value:.5f}", _listed(t.parameters)) for t in found[:MOST_TRIALS])
    heads = tuple(term(head, language) for head in ("name", "value", "parameters"))
    return Table(f"{measure} ({shown})", heads, rows)


def _listed(parameters: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                     for name, value in parameters.items())  # fmt: skip


def features(record: Record, language: str) -> Table:
    """The columns of the feature service, with who answers for each."""
    heads = ("name", "view", "owner", "unit", "may be used for", "meaning")
    rows = tuple(
        (c.name, c.view, c.owner, c.unit, ", ".join(term(each, language) for each in c.purposes), c.meaning)
        for c in record.lineage.columns
    )
    return Table(word("features", language), tuple(term(head, language) for head in heads), rows)


def lineage(record: Record, language: str) -> Table:
    """From which data, with which label, by which code and libraries the version was made."""
    made, source = record.lineage, record.lineage.source
    counts = source.get("rows")
    rows = {
        "data": source.get("name"), "data digest": source.get("digest"), "data from": source.get("starts"),
        "data to": source.get("ends"), "currency": source.get("base_currency"),
        "quarantined rows": _counted(source.get("quarantined")) or "0",
        "rows": _counted(counts), "feature service": f"{made.service} ({len(made.columns)})",
        "label": made.learns, "test window": window(record, language), "code": made.git_commit,
        "requirements.lock": made.lock, "seed": made.seed, "trained by": made.author,
        "trained at": made.trained_at, "Python": made.python,
    }  # fmt: skip
    named = rows | dict(made.libraries)
    heads = (term("what", language), term("value", language))
    return Table(
        word("lineage", language), heads, tuple((term(k, language), str(v)) for k, v in named.items())
    )


def _counted(held: object) -> str:
    named = held.items() if isinstance(held, Mapping) else ()
    return ", ".join(f"{name} {count:,}" for name, count in named if count)


def window(record: Record, language: str) -> str:
    """The span of the test rows, as days."""
    first, last = record.window["from"][:10], record.window["to"][:10]
    return first if first == last else f"{first} {word('to', language)} {last}"
