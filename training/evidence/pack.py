"""The validation pack: what a validator asks for, from the run's record, with what is missing by name."""

from training.evidence import parts
from training.evidence.card import facts, left_out
from training.evidence.gaps import gaps, shown
from training.evidence.page import Page, Plot, Section, Table
from training.evidence.record import Record
from training.evidence.words import word


def pack(record: Record, version: str, champion: Record | None, language: str) -> Page:
    """The pack of a version in one language."""
    missing = {
        section: tuple(parts.text(note, language) for note in notes)
        for section, notes in gaps(record).items()
    }

    def section(
        key: str, lines: tuple[str, ...] = (), tables: tuple[Table, ...] = (), plots: tuple[Plot, ...] = ()
    ) -> Section:
        return Section(key.replace(" ", "-"), word(key, language), lines, tables, plots, missing.get(key, ()))

    def notes(*keys: str) -> tuple[str, ...]:
        held = (note for key in keys for note in getattr(record.account, key))
        return tuple(parts.text(note, language) for note in held)

    def plots(kind: str) -> tuple[Plot, ...]:
        return tuple(parts.plot(exhibit, language) for exhibit in shown(record, kind).values())

    colon = word("colon", language)
    everything = tuple(
        f"{word(key, language)}{colon}{text}" for key, texts in missing.items() for text in texts
    )
    sections = (
        Section("gaps", word("gaps", language), everything or (word("nothing missing", language),)),
        section("soundness", notes("purpose", "method"), (parts.features(record, language),)),
        section("lineage", tables=(parts.lineage(record, language),)),
        section("assumptions", notes("assumptions")),
        section("figures", tables=(parts.figures(record, champion, language),)),
        section("benchmark", plots=plots("benchmark")),
        section("sensitivity", plots=plots("sensitivity")),
        section("stability", plots=plots("stability")),
        section("tried", tables=parts.trials(record, language)),
        section("limits", notes("limits")),
        section("left out", left_out(record) or (word("nothing left out", language),)),
        section("gates", tables=(parts.gates(record, language),)),
        section("sign-off", (word("review", language),)),
    )
    title = f"{word('pack', language)}{colon}{record.name} {version}"
    return Page(language, title, word("pack lead", language), facts(record, version, language), sections)
