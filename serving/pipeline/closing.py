"""How a run ends: one customer's decisions with their reasons, the addresses, what to do next."""

import json
from collections.abc import Mapping
from contextlib import closing

from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
from monitoring.batch_log import read
from monitoring.decision_log import DecisionLogs
from serving.bootstrap.edge import new_id
from serving.bootstrap.releases import current_release, open_scorer
from serving.bootstrap.stores import open_uses
from serving.deciding import next_best_action
from serving.deciding.asking import CreditRequest, OfferRequest
from serving.deciding.records import Decision
from serving.pipeline.bootstrap import now
from serving.pipeline.progress import Progress
from serving.tokens.office import TokenOffice
from serving.worker.engine import Engine
from serving.worker.in_service import InService
from training.release.errors import MissingPart

EXAMPLE_AMOUNT, EXAMPLE_TERM = 60_000.0, 36
CALLER = "bank run"
TOKEN_HOURS = 12
Answer = Mapping[str, object]


def example_customer(settings: Settings) -> str | None:
    """Somebody to show: the first of the last batch with an offer, else the first in it."""
    first = None
    for payload in read(settings.decisions, next_best_action.USE_CASE):
        record = json.loads(payload)
        first = first or record["customer_id"]
        if record["outcome"]:
            return str(record["customer_id"])
    return first


def ask(settings: Settings, customer_id: str, amount: float | None, term_months: int, caller: str) -> Answer:
    """One decision from the command line: scored, logged, then handed out, as over HTTP."""
    with open_rows(settings) as rows, closing(open_uses(settings)) as uses:
        scorer = open_scorer(current_release(settings), rows, uses)
        log = DecisionLogs.of(settings).open("command")
        engine = Engine(InService(scorer), log, now, new_id)
        try:
            if amount is None:
                scored = engine.answer("next_best_action", [OfferRequest(customer_id)], new_id(), caller)
            else:
                asked = CreditRequest(customer_id, amount, term_months)
                scored = engine.answer("credit", [asked], new_id(), caller)
        finally:
            engine.close()
            log.close()
    if not isinstance(scored[0], Decision):
        raise scored[0]
    answer: Answer = json.loads(scored[0].body)
    return answer


def examples(settings: Settings) -> dict[str, Answer]:
    """One customer's next best action and credit decision, of what this release can decide."""
    customer, found = example_customer(settings), dict[str, Answer]()
    for name, amount in (("next_best_action", None), ("credit", EXAMPLE_AMOUNT)):
        if customer is not None:
            try:
                found[name] = ask(settings, customer, amount, EXAMPLE_TERM, CALLER)
            except MissingPart:
                continue  # the step before said by name what this release cannot decide
    return found


def show(progress: Progress, found: Mapping[str, Answer]) -> None:
    """Print the decisions as a person reads them."""
    if "next_best_action" in found:
        _show_offers(progress, found["next_best_action"])
    if "credit" in found:
        _show_credit(progress, found["credit"])


def _show_offers(progress: Progress, answer: Answer) -> None:
    progress.heading(f"Customer {answer['customer_id']}: what next?")
    segment, offers = answer["segment"], answer["offers"]
    if isinstance(segment, dict):
        progress.say(f"  segment   {segment['id']} {_name(segment)}")
    assert isinstance(offers, list)
    width = max((len(offer["title"]["en"]) for offer in offers), default=0)
    for offer in offers:
        progress.say(
            f"  {offer['rank']}. {offer['title']['en']:<{width}}  P {offer['P']:.4f} x C {offer['C']:.2f} "
            f"x V {offer['V']:.2f} x L {offer['L']:.2f} = {offer['priority']:.4f}"
        )
        because = ", ".join(reason["code"] for reason in offer["reasons"])
        progress.say(f"     because of {because or 'nothing above the average'}")
    out = answer["ruled_out"]
    assert isinstance(out, list)
    if not offers:
        progress.say("  no offer")
    rules = sorted({code for each in out for code in each["rules"]})
    progress.say(f"  ruled out {len(out)} products by {', '.join(rules) or 'no rule'}")


def _name(segment: Mapping[str, object]) -> str:
    name = segment.get("name", segment.get("name_en", ""))
    return str(name["en"]) if isinstance(name, dict) else str(name)


def _show_credit(progress: Progress, answer: Answer) -> None:
    progress.heading(
        f"The same customer asks for {EXAMPLE_AMOUNT:,.0f} over {EXAMPLE_TERM} months: {answer['outcome']}"
    )
    risk, score = answer["probability_of_default"], answer["score"]
    if isinstance(risk, float):
        points = f", score {score:.0f}" if isinstance(score, float) else ""
        progress.say(f"  PD {risk:.2%}, grade {answer['grade']}{points}, the {answer['decided_by']} decides")
    reasons = answer["reasons"]
    assert isinstance(reasons, list)
    for reason in reasons:
        progress.say(f"  - {reason['en']}  {reason['zh']}")
    progress.say(f"  decision {answer['decision_id']}, logged before it was shown")


def demo_token(settings: Settings) -> str:
    """A token to try the service with: every scope, for half a day."""
    return TokenOffice.of(settings).issue("demo", None, TOKEN_HOURS, now())


def farewell(progress: Progress, settings: Settings, customer: str | None, token: str, serving: bool) -> None:
    """Print the addresses, a demo token and the next commands."""
    base = f"http://{settings.host}:{settings.port}"
    progress.heading("Ask it" if serving else "Serve it: bank serve")
    progress.say(f"  export TOKEN={token}")
    progress.say(
        f'  curl -s {base}/v1/decisions/next-best-action -H "Authorization: Bearer $TOKEN" '
        f"-H 'Content-Type: application/json' -d '{{\"customer_id\": \"{customer}\"}}'"
    )
    progress.heading("Next (source .venv/bin/activate puts bank on the path)")
    for command, what in (
        ("bank decisions verify", "recompute the log's hash chain"),
        ("bank release show", "what is served, and who signed it"),
        ("bank monitor run", "compare the latest decisions with the reference"),
        ("bank models ui", "look at the runs in MLflow"),
    ):
        progress.say(f"  {command:<24} {what}")
