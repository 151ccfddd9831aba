"""The models on a generated bank beside what only its maker knows, as shares, on the same test rows.

Read are the newest registered parts, by the runtimes that serve them, on what `bank run` left. AUC is
divided by the AUC of the true chances; for uplift the area over random under the curve of the true
uplift, offers sorted by each; for products MAP@5. Agreement of segments: `bank bench personas`.
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from feature_repo.raw.generate import oracle
from feature_repo.raw.generate.next_product import foretell
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk.situations import Situation, applications, running_loans
from training.dataset import QUARTERS, Dataset, everybody_at, iso, load, quarters, split_by_snapshot
from training.labels import CHURN, PURCHASE, History, active, churn
from training.propensity.offers import offers
from training.recommendation.choosing import said
from training.recommendation.moments import Segmented, moments, products_of
from training.recommendation.ranking import rank
from training.registry import Registry
from training.release.assemble import read_part
from training.release.credit import CreditRisk, CreditRuntime
from training.release.propensity import Propensity
from training.release.recommendation import Recommender
from training.release.trees import Trees
from training.run import Run
from training.validation import F64, auc

LEAST = {"application": 0.95, "behaviour": 0.95, "churn": 0.95, "uplift": 0.7, "MAP@5": 0.8}
OF_APPLICATIONS = """SELECT r.row, t.pd AS p FROM rows r
JOIN (SELECT DISTINCT application_id, customer_id, epoch_us("at") AS asked FROM applications) a
  ON a.customer_id = r.customer_id AND a.asked = r.moment
JOIN truth t USING (application_id) QUALIFY row_number() OVER (PARTITION BY r.row ORDER BY t.pd) = 1
ORDER BY r.row"""
OF_BEHAVIOUR = """SELECT r.row, t.p FROM rows r JOIN (
  SELECT customer_id, epoch_us(as_of) AS moment, 1 - product(1 - pd) AS p FROM truth GROUP BY ALL
  HAVING count(*) = count(pd)) t USING (customer_id, moment) ORDER BY r.row"""
OF_OFFERS = """WITH made AS MATERIALIZED (
  SELECT o.customer_id, o.asked AS moment, t.family, min(t.treated - t.control) AS p
  FROM (SELECT DISTINCT offer_id, customer_id, epoch_us("at") AS asked FROM offers) o
  JOIN truth t USING (offer_id) GROUP BY ALL)
SELECT r.row, m.p FROM rows r JOIN made m USING (customer_id, moment, family) ORDER BY r.row"""


def known_chance(question: str, truth: Path, events: Path, rows: dict[str, object]) -> tuple[np.ndarray, F64]:
    """The numbers of the rows the truth knows, and what it says of each; `rows` are columns."""
    with duckdb.connect(config={"threads": 1, "temp_directory": str(truth.parent / ".spill")}) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.read_parquet(f"{truth}/*.parquet").create_view("truth")
        connection.read_parquet(f"{events}/*.parquet").create_view(events.name)
        connection.register("rows", pa.table(rows))
        found = connection.execute(question).fetchnumpy()
    return np.asarray(found["row"], np.int64), np.asarray(found["p"], np.float64)


def credit_truth(settings: Settings, situation: Situation) -> tuple[np.ndarray, F64]:
    """The numbers of a situation's test rows that the truth knows, and its chance of default for each."""
    rows = situation.rows.rows(situation.test)
    columns = {"row": np.arange(len(rows)), "customer_id": list(rows.customer_ids), "moment": rows.as_of}
    asked = situation.name == "application"
    return known_chance(
        OF_APPLICATIONS if asked else OF_BEHAVIOUR,
        settings.truth / ("applications" if asked else "behaviour"), settings.raw / "applications", columns,
    )  # fmt: skip


def area_over_random(true: F64, by: F64) -> float:
    """Mean true uplift gained on the way through the rows sorted by a score, beyond a random order."""
    order = np.argsort(-by, kind="stable")
    return float(np.cumsum(true[order]).mean() - true.sum() * (len(true) + 1) / (2 * len(true)))


def shares(settings: Settings) -> Iterator[tuple[str, int, float, float]]:
    """Task, test rows, ours and the oracle's figure."""
    source = Source.read(settings.raw)
    newest = Registry(settings).newest(("segmentation", "propensity", "credit_risk", "recommendation"))
    parts = {name: version.part for name, version in newest.items()}
    yield from _credit(settings, source, parts["credit_risk"])
    yield from _needs(settings, source, parts["propensity"])
    yield _products(settings, source, parts)


def _credit(settings: Settings, source: Source, folder: Path) -> Iterator[tuple[str, int, float, float]]:
    files = read_part("credit_risk", folder)
    for situation in (applications(settings, source), running_loans(settings, source)):
        member = CreditRisk.read(files).members.get(situation.name)
        if member is None:
            yield situation.name, 0, float("nan"), float("nan")
            continue
        trees = None
        if member.boosting is not None:
            name, width = f"{situation.name}.onnx", len(member.boosting.columns)
            trees = Trees.load(name, files[name], width, 1)
        p = CreditRuntime(member, trees, None).probability(situation.matrix(member.columns, situation.test))
        row, truth = credit_truth(settings, situation)
        y = situation.y_test[row]
        yield situation.name, len(y), auc(y, p[row]), auc(y, truth)


def _needs(settings: Settings, source: Source, folder: Path) -> Iterator[tuple[str, int, float, float]]:
    files, history = read_part("propensity", folder), History(settings.raw, source, settings.threads)
    model = Propensity.read(files)
    members = {member.name: member for member in model.members}

    def margin(name: str, rows: Dataset) -> F64:
        trees = Trees.load(name, files[members[name].graph_file], len(members[name].columns), 1)
        return trees.run(rows.only(members[name].columns))[:, 0].astype(np.float64)

    columns = tuple(sorted({column for member in model.members for column in member.columns}))
    moments = np.array(quarters(source)[-QUARTERS:], np.int64)
    last = int(moments[moments + CHURN.horizon <= history.end].max())
    rows = load(settings, "propensity_v1", columns, everybody_at(history, [last]))
    label = churn(history, rows.spine)
    known, best = label >= 0, oracle.score(settings.truth, settings.raw, "churn",
                                           [datetime.fromisoformat(iso(last))])  # fmt: skip
    yield "churn", int(known.sum()), auc(label[known], margin("churn", rows)[known]), best.auc
    split = split_by_snapshot(moments, moments + PURCHASE.horizon <= history.end, PURCHASE.horizon)
    assert split is not None
    made = offers(settings, history, "propensity_v1", columns, int(moments[split.calibrate].min()))
    uplift = np.full(len(made.y), np.nan)
    for family, effect in model.offers.items():
        shown, withheld = effect.arms(margin(family, made.rows))
        uplift = np.where(made.family == family, shown - withheld, uplift)
    row, true = known_chance(OF_OFFERS, settings.truth / "offers", settings.raw / "offers", {
        "row": np.arange(len(made.y)), "customer_id": list(made.rows.customer_ids), "moment": made.at,
        "family": list(made.family),
    })  # fmt: skip
    row, true = row[~np.isnan(uplift[row])], true[~np.isnan(uplift[row])]
    yield "uplift", len(row), area_over_random(true, uplift[row]), area_over_random(true, true)


def _products(settings: Settings, source: Source, parts: Mapping[str, Path]) -> tuple[str, int, float, float]:
    history = History(settings.raw, source, settings.threads)
    model = Recommender.read(read_part("recommendation", parts["recommendation"]))
    sold, segmented = products_of(history), Segmented.of(parts.get("segmentation"))
    tested = moments(Run(settings, source, 7), history, sold, model.columns, segmented)[-1]
    known = foretell(settings.truth, settings.raw, tested.at)
    spine = everybody_at(history, [tested.at])
    there = np.array(spine["customer_id"].to_pylist())[active(history, spine)]
    row = {customer: at for at, customer in enumerate(known.customer_ids)}
    chance = known.chance[[row[customer] for customer in there]]
    best = rank(
        chance[:, [known.products.index(each.product_id) for each in sold]], tested.held, tested.added
    )
    ours = rank(said(model, tested), tested.held, tested.added)
    return "MAP@5", int(tested.added.any(axis=1).sum()), ours.mean["map_at_5"], best.mean["map_at_5"]


def main() -> int:
    """Print one line; non-zero when a share is below what is wanted of 100,000 customers."""
    told, missed = [], []
    for task, n, ours, best in shares(Settings()):
        told.append(f"{task} {ours:.4g} of {best:.4g} = {ours / best:.3f} (n {n:,}, wanted {LEAST[task]})")
        missed += [] if ours / best >= LEAST[task] else [task]
    sys.stdout.write(f"oracle: {'; '.join(told)}: {'MISS ' + ', '.join(missed) if missed else 'ok'}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
