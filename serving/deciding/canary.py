"""The canary: a decision about nobody, which fails wherever every customer's would."""

from serving.deciding import credit, next_best_action
from serving.deciding.asking import CreditRequest, OfferRequest, Stamp
from serving.deciding.records import Case
from serving.deciding.scoring import Scorer

STAMP = Stamp("canary", "canary", "1970-01-01T00:00:00+00:00", "canary")


def decide_for_nobody(scorer: Scorer) -> None:
    """Decide an application and an offer for somebody about whom nothing is known; nothing is logged.

    Under every policy of the release, also those that hold from a later day, or on trial.
    """
    blank = scorer.online.nothing(1)
    application = Case(credit.USE_CASE, CreditRequest(None, 1_000.0, 12), STAMP, blank, 0)
    offer = Case(next_best_action.USE_CASE, OfferRequest("canary"), STAMP, blank, 0)
    for policy in scorer.loaded.book.every:
        loaded = scorer.loaded.under_policy(policy)
        credit.credit_decision([application], loaded)
        if loaded.runtime.needs is not None:
            next_best_action.next_best_action([offer], loaded)
