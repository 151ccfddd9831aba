"""Why a decision came out as it did, from its record and its answer: what whoever it is about may know.

GDPR Art 15(1)(h) (the procedure, which data, how a change would alter the result), Art 22(3), PIPL Art 24,
AI Act Art 86, CCD2 2023/2225 Art 18. Names and reasons are told; no feature's value, no weight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.deciding import credit, customers, next_best_action, suitability
from serving.deciding import explaining_texts as texts
from serving.deciding.explaining_texts import Words
from serving.deciding.loaded import Loaded
from serving.deciding.online import EPOCH, FIRST, LAST
from serving.deciding.rulebook import RULE_TEXTS

PERSONAL = (next_best_action.USE_CASE, customers.RECOMMENDATION)
Told = dict[str, object]


@dataclass(frozen=True)
class Explained:
    """One decision to explain: its record, its answer where it computes again, the release it was made by.

    `loaded` is another release where its own cannot be loaded any more; then `answer` is None, texts are
    those of today, and where the data came from is not known.
    """

    record: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    loaded: Loaded
    appeal_days: int
    now: datetime

    def told(self) -> Told:
        """The explanation, in English and Chinese."""
        record = self.record
        return {
            "decision_id": record["decision_id"],
            "customer_id": record["customer_id"],
            "at": record["at"],
            "use_case": record["use_case"],
            "decided": {"outcome": record.get("outcome"), "text": self._decided()},
            "data": self._data(),
            "reasons": self._reasons(),
            "recourse": self._recourse(),
            "recourse_note": (self.answer or {}).get("recourse_note"),
            "rules": self._rules(),
            "models": self._models(),
            "people": {"automation": self._automation, "text": texts.PEOPLE[self._automation]},
            "contest": self._contest(),
            "release": {name: record[name] for name in ("parts", "policy")} | {"digest": record["release"]},
        }

    @property
    def _use_case(self) -> str:
        return str(self.record["use_case"])

    @property
    def _automation(self) -> str:
        return str(self.record.get("automation", "automated"))

    def _decided(self) -> Words:
        outcome = self.record.get("outcome")
        if self._use_case == next_best_action.USE_CASE:
            return texts.OFFERED if outcome else texts.NOT_OFFERED
        if self._use_case == customers.RECOMMENDATION:
            return texts.RECOMMENDED if outcome else texts.NOT_OFFERED
        return texts.DECIDED.get((self._use_case, str(outcome)), texts.SCORED)

    def _data(self) -> Told:
        asked = [name for name, value in self.record["request"].items() if value is not None]
        return {
            "sources": list(self._sources()) if self.answer is not None else [],
            "declared": [_named(name, texts.FIELDS) for name in asked if name in texts.FIELDS],
            "counted": [self._counted(code) for code in dict.fromkeys(self._codes())],
            "missing": [_named(name, texts.SOURCES) for name in self.record["degraded"]],
        }

    def _sources(self) -> Iterator[Told]:
        """The data that were there, and as of when."""
        views = self.loaded.runtime.manifest.origin.views
        for view, at in zip(views, self.record["features"]["event_us"], strict=True):
            if FIRST <= at <= LAST and at >= 0:
                yield {
                    **_named(view, texts.SOURCES),
                    "as_of": (EPOCH + timedelta(microseconds=at)).isoformat(),
                }

    def _codes(self) -> Iterator[str]:
        """The columns that weighed in what was decided, as the record or the answer names them."""
        kept = self.record.get("reasons", [])
        if isinstance(kept, Mapping):
            kept = [each for family in kept.values() for each in family]
        for each in kept:
            yield str(each["code"] if isinstance(each, Mapping) else each[0])
        answer = self.answer or {}
        for need in (*answer.get("propensity", {}).values(), answer.get("churn")):
            if isinstance(need, Mapping):
                yield from (str(each["code"]) for each in need["reasons"])

    def _counted(self, code: str) -> Told:
        views = self.loaded.runtime.manifest.origin.feature_views
        view = next((name for name, columns in views.items() if code in columns), None)
        return {"code": code, "text": texts.SOURCES.get(str(view), texts.REQUEST)}

    def _reasons(self) -> Sequence[object]:
        if self._use_case not in (credit.USE_CASE, credit.BEHAVIOUR):
            return []
        if self.answer is not None:
            found: Sequence[object] = self.answer["reasons"]
            return found
        notice = self.record.get("adverse_action") or {}
        return [self._text(code) for code in notice.get("reasons", [])]

    def _recourse(self) -> Sequence[object]:
        if self.answer is not None:
            found: Sequence[object] = self.answer.get("recourse", [])
            return found
        return [
            [{**self._text(f"WAY-{lever}"), "from": before, "to": after} for lever, before, after in way]
            for way in self.record.get("recourse", [])
        ]

    def _text(self, code: str) -> Told:
        found = self.loaded.rulebook.reasons.get(code)
        return {"code": code, "en": found.en if found else code, "zh": found.zh if found else code}

    def _rules(self) -> Sequence[object]:
        if self.answer is not None:
            found: Sequence[object] = self.answer.get("rules", [])
            return found
        return [RULE_TEXTS[code] for code in self.record.get("rules", []) if code in RULE_TEXTS]

    def _models(self) -> Told:
        if self._use_case == credit.USE_CASE:
            scored = self.record["scores"]["probability_of_default"] is not None
            used = ["credit_risk/application"] if scored else []
            return {"used": used, "text": texts.SCORECARD if scored else texts.NO_MODEL}
        if self._use_case == suitability.USE_CASE:
            return {"used": [], "text": texts.RULES_ALONE}
        if self._use_case in PERSONAL:
            return self._personal()
        used = [{customers.SEGMENT: "segmentation", customers.PROPENSITY: "propensity"}.get(
            self._use_case, "credit_risk/behaviour")]  # fmt: skip
        return {"used": used, "text": texts.SCORES}

    def _personal(self) -> Told:
        answer = self.answer or {}
        alike = answer.get("recommender") == customers.ALIKE or answer.get("personalised") is False
        if alike or self.record["request"].get("personalised") is False:
            return {"used": [], "text": texts.UNPROFILED}
        offers = self._use_case == next_best_action.USE_CASE
        named = ("propensity", "recommendation", "segmentation") if offers else ("recommendation",)
        return {"used": [name for name in named if name in self.record["parts"]], "text": texts.OFFERS}

    def _contest(self) -> Told:
        if self._use_case != credit.USE_CASE:
            return {"possible": False, "until": None, "text": texts.REFUSE}
        if self.record["outcome"] == "refer":
            return {"possible": True, "until": None, "text": texts.REFERRED}
        until = datetime.fromisoformat(self.record["at"]).astimezone(UTC) + timedelta(days=self.appeal_days)
        possible = self.now <= until
        text = texts.CONTEST if possible else texts.OVER
        return {"possible": possible, "until": until.isoformat(), "text": text}


def _named(name: str, known: Mapping[str, Words]) -> Told:
    return {"name": name, "text": known.get(name, texts.both(name, name))}
