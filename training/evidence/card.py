"""The model card (Mitchell et al. 2019): what a model is for, how good it is, where it must not be used."""

from training.evidence import gaps, parts
from training.evidence.page import Page, Section
from training.evidence.record import Record
from training.evidence.words import word


def card(record: Record, version: str, champion: Record | None, language: str) -> Page:
    """The card of a version in one language, with the figures of the version in service beside its own."""

    def named(key: str) -> str:
        return word(key, language)

    account = record.account
    first = () if champion else (named("first version"),)
    tried = parts.trials(record, language)
    sections = (
        _notes("purpose", record, language),
        _notes("limits", record, language),
        Section("figures", named("figures"), first, (parts.figures(record, champion, language),)),
        Section("gates", named("gates"), tables=(parts.gates(record, language),)),
        _notes("method", record, language),
        *_evidence(record, language),
        *([_notes("assumptions", record, language)] if account.assumptions else []),
        Section("left-out", named("left out"), left_out(record) or (named("nothing left out"),)),
        *([Section("tried", named("tried"), tables=tried)] if tried else []),
        Section("features", named("features"), tables=(parts.features(record, language),)),
        Section("lineage", named("lineage"), tables=(parts.lineage(record, language),)),
    )
    return Page(language, f"{named('card')}{named('colon')}{record.name} {version}", named("card lead"),
                facts(record, version, language), sections)  # fmt: skip


def facts(record: Record, version: str, language: str) -> tuple[tuple[str, str], ...]:
    """The few things to know first."""
    passed = sum(gate.passed for gate in record.gates)
    made = record.lineage
    told = {
        "model": record.name, "version": version, "learns": made.learns, "chosen": record.chosen,
        "tested": parts.window(record, language),
        "gates passed": f"{passed} {word('of', language)} {len(record.gates)}",
        "trained": made.trained_at[:16].replace("T", " "), "author": made.author,
        "source": f"{made.source['name']} {str(made.source['digest'])[:16]}",
    }  # fmt: skip
    return tuple((word(key, language), value) for key, value in told.items())


def left_out(record: Record) -> tuple[str, ...]:
    """What could not be trained and why, and what the run warned of."""
    return (*(f"{name}: {why}" for name, why in record.left_out.items()), *record.warnings)


def _notes(key: str, record: Record, language: str) -> Section:
    notes = getattr(record.account, key)
    missing = () if notes else (parts.text(gaps.NOTES[key], language),)
    return Section(key, word(key, language), tuple(parts.text(note, language) for note in notes),
                   missing=missing)  # fmt: skip


def _evidence(record: Record, language: str) -> list[Section]:
    """A section each member: its plots with their tables; what belongs to none comes first."""
    groups: dict[str, list[str]] = {}
    for name in record.exhibits:
        groups.setdefault(name.partition("/")[0] if "/" in name else "", []).append(name)
    return [
        Section(f"evidence-{member or 'all'}",
                word("evidence", language) + (word("colon", language) + member if member else ""),
                plots=tuple(parts.plot(record.exhibits[name], language) for name in names))
        for member, names in sorted(groups.items())
    ]  # fmt: skip
