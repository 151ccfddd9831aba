"""The page that sets two banks side by side: finding, plot, table and distance for each marginal."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from feature_repo.raw.compare import plots
from feature_repo.raw.compare.distances import Reals, ks, shape, shares, total_variation
from feature_repo.raw.compare.marginals import Marginals, marginals

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Measure:
    """One marginal: its heading, its unit, whether scaled by its median, and what to expect."""

    heading: str
    axis: str
    expected: str
    scaled: bool = False
    logarithmic: bool = False
    parts: bool = True


SAMPLES: dict[str, Measure] = {
    "amount": Measure("Amounts booked", "amount in medians",
                      "In medians, so that currency and decade fall away; small fees are rarer now.",
                      True, True),
    "per_month": Measure("Bookings an account and month", "bookings",
                         "Cards and phones book more often than cash and transfers do."),
    "gap": Measure("Days between two bookings of an account", "days",
                   "Follows from the number of bookings: more of them, shorter gaps."),
    "balance": Measure("Balance at the end of a month", "balance in medians",
                       "Wider by design: companies and students bank here, and may overdraw.", True),
    "burden": Measure("Loan amount in monthly inflows", "inflows of the six months before",
                      "Inflows hold every credit of the account, transfers from own savings included.",
                      False, True),
}  # fmt: skip
COUNTS: dict[str, Measure] = {
    "category": Measure("What bookings are for", "share of bookings",
                        "Cards, salaries and rent have no category in Berka: it is a bank of the 1990s."),
    "cash": Measure("Cash and direction", "share of bookings",
                    "Cash is deliberately rarer: phones and cards have taken its place."),
    "season": Measure("Bookings an account, by month of the year", "bookings, average month = 1",
                      "December and the spring festival are busy by design; Berka has neither, and its young "
                      "accounts of 1993 grow busier with age, most in the months of its second winter.",
                      parts=False),
    "term": Measure("How long loans run", "share of loans",
                    "Loans of up to five years; mortgages are left out, Berka has none."),
    "default": Measure("How loans end", "share of loans",
                       "As last known. Berka's loans ran longer when its data ended: 76 of 682 were bad."),
}  # fmt: skip


@dataclass(frozen=True)
class Distance:
    """How far the two banks are apart in one marginal; `n` are the two sample sizes."""

    marginal: str
    kind: str
    value: float
    n: tuple[int, int]


@dataclass(frozen=True)
class Compared:
    """The written page and the distances on it."""

    page: Path
    distances: tuple[Distance, ...]


def compare(raw: Path, other: Path, reports: Path, threads: int = 1) -> Compared:
    """Compare the bank in `raw` with the one in `other`; writes `reports/compare-<name>.html`.

    Raises MissingTable where a folder holds no loaded bank. A marginal that one of the two lacks is
    named as left out.
    """
    banks = (marginals(raw, threads), marginals(other, threads))
    names = _names(banks)
    found: list[tuple[str, Distance]] = []
    absent: list[str] = []
    for key, measure in SAMPLES.items():
        numbers = [bank.samples.get(key, np.zeros(0)) for bank in banks]
        if all(map(len, numbers)):
            found.append(_sampled(key, measure, dict(zip(names, numbers, strict=True)), banks))
        else:
            absent.append(measure.heading)
    for key, measure in COUNTS.items():
        counts = [bank.counts.get(key, {}) for bank in banks]
        if all(counts):
            found.append(_counted(key, measure, dict(zip(names, counts, strict=True)), banks))
        else:
            absent.append(measure.heading)
    reports.mkdir(parents=True, exist_ok=True)
    page = reports / f"compare-{banks[1].source.name}.html"
    draft = page.with_suffix(".draft")
    draft.write_text(_page(banks, names, [block for block, _ in found], absent))
    draft.replace(page)
    return Compared(page, tuple(distance for _, distance in found))


def _names(banks: tuple[Marginals, Marginals]) -> tuple[str, str]:
    first, second = (bank.source.name for bank in banks)
    return (first, second) if first != second else (f"{first} (here)", f"{second} (other)")


def _sampled(
    key: str, measure: Measure, pair: Mapping[str, Reals], banks: tuple[Marginals, Marginals]
) -> tuple[str, Distance]:
    scaled = {name: shape(sample) if measure.scaled else sample for name, sample in pair.items()}
    (one, first), (other, second) = scaled.items()
    distance = Distance(key, "KS", ks(first, second), (len(first), len(second)))
    spans = {name: np.quantile(sample, QUANTILES) for name, sample in scaled.items()}
    low = {name: f"{span[1]:.3g} to {span[3]:.3g}" for name, span in spans.items()}
    title = f"The middle half: {low[one]} ({one}), {low[other]} ({other})"
    picture = plots.curves(title, _window(banks), scaled, measure.axis, measure.logarithmic)
    header = ["", "n", "median (unscaled)", *(f"{quantile:.0%}" for quantile in QUANTILES)]
    rows = [
        [name, f"{len(pair[name]):,}", f"{np.median(pair[name]):,.4g}", *(f"{value:.3g}" for value in span)]
        for name, span in spans.items()
    ]
    return _block(measure, title, picture, header, rows, distance), distance


def _counted(
    key: str, measure: Measure, pair: Mapping[str, Mapping[str, float]], banks: tuple[Marginals, Marginals]
) -> tuple[str, Distance]:
    (one, first), (other, second) = pair.items()
    if measure.parts:
        size = (round(sum(first.values())), round(sum(second.values())))
    else:
        size = (len(banks[0].samples["per_month"]), len(banks[1].samples["per_month"]))
    distance = Distance(key, "total variation", total_variation(first, second), size)
    values = {name: shares(counts) if measure.parts else counts for name, counts in pair.items()}
    how = "{:.1%}" if measure.parts else "{:.2f}"
    title = ", ".join(f"{name}: {_finding(key, found, how)}" for name, found in values.items())
    picture = plots.bars(title, _window(banks), pair, measure.axis, measure.parts)
    rows = [
        [name, *(how.format(values[bank].get(name, 0.0)) for bank in pair)] for name in plots.in_order(pair)
    ]
    header = ["", f"{one} (n = {size[0]:,})", f"{other} (n = {size[1]:,})"]
    return _block(measure, title, picture, header, rows, distance), distance


def _finding(key: str, values: Mapping[str, float], how: str) -> str:
    """What a bank's bars say in a few words."""
    if key == "default":
        return f"{values.get('in default', 0.0):.1%} in default"
    if key == "cash":
        return f"{sum(value for name, value in values.items() if name.startswith('cash')):.0%} in cash"
    most, value = max(values.items(), key=lambda pair: pair[1])
    return f"most often {most} ({how.format(value)})"


def _window(banks: tuple[Marginals, Marginals]) -> str:
    return "; ".join(f"{b.source.name} {b.source.starts[:10]} to {b.until[:10]}" for b in banks)


def _block(
    measure: Measure, title: str, picture: bytes, header: list[str], rows: list[list[str]], distance: Distance
) -> str:
    image = base64.b64encode(picture).decode()
    cells = "".join(
        "<tr>" + f"<th scope=row>{escape(row[0])}</th>" + "".join(f"<td>{escape(c)}</td>" for c in row[1:])
        + "</tr>" for row in rows
    )  # fmt: skip
    heads = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in header)
    return (
        f"<section><h2>{escape(measure.heading)}</h2>"
        f"<p><strong>{distance.kind} {distance.value:.3f}</strong> (0 is the same, 1 nothing in common; "
        f"n = {distance.n[0]:,} and {distance.n[1]:,}). {escape(measure.expected)}</p>"
        f'<img alt="{escape(measure.heading)}: {escape(title)}" src="data:image/png;base64,{image}">'
        f"<div class=wide><table><tr>{heads}</tr>{cells}</table></div></section>"
    )


def _page(
    banks: tuple[Marginals, Marginals], names: tuple[str, str], blocks: list[str], absent: list[str]
) -> str:
    told = "".join(
        f"<li><strong>{escape(name)}</strong>: {bank.accounts:,} current accounts in "
        f"{escape(bank.source.base_currency)}, bookings {bank.source.starts[:10]} to {bank.until[:10]}"
        f"{'; ' + escape(bank.source.selection) if bank.source.selection else ''}; "
        f"data {bank.source.digest[:16]}</li>"
        for name, bank in zip(names, banks, strict=True)
    )
    left = f"<p>Left out, since one of the two lacks it: {escape(', '.join(absent))}.</p>" if absent else ""
    return STYLE + (
        f"<h1>{escape(names[0])} beside {escape(names[1])}</h1><ul>{told}</ul>{left}"
        "<p>Bookings count on current accounts in the bank's own currency, each in its last recorded "
        "form; loans of up to five years count whenever granted. "
        "What a difference should be is said beside it.</p>"
        + "".join(blocks) + "</html>\n"
    )  # fmt: skip


STYLE = """<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width"><title>Two banks side by side</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem}
img{max-width:100%;height:auto}.wide{overflow-x:auto}table{border-collapse:collapse}
th,td{padding:.2rem .7rem;border-bottom:1px solid #999;text-align:right}th[scope=row]{text-align:left}
section{break-inside:avoid}</style>
"""
