"""What has to lie beside a part: its papers, a repetition of its training, its impact assessment."""

import re
from collections.abc import Iterator

from training.checks.limits import PIA
from training.checks.subject import Candidate
from training.evidence.gaps import gaps
from training.evidence.papers import CARD, PACK
from training.evidence.words import LANGUAGES
from training.gates import Gate, at_least, at_most
from training.release.assemble import part_of

FORMS = ("html", "md")


def card(candidate: Candidate) -> Iterator[Gate]:
    """The model card in every language and form."""
    missing = _missing(candidate, CARD)
    yield at_most("card", "files of the model card that are missing", float(len(missing)), 0.0,
                  note=", ".join(missing))  # fmt: skip


def pack(candidate: Candidate) -> Iterator[Gate]:
    """The validation pack in every language and form, with nothing missing in it."""
    missing = _missing(candidate, PACK)
    if candidate.version.documented:
        named = gaps(candidate.version.record)
        missing += [f"{section}: {note.en.rstrip('.')}" for section, notes in named.items() for note in notes]
    else:
        missing.append("the record of the training run")
    yield at_most("pack", "what the validation pack lacks", float(len(missing)), 0.0,
                  note="; ".join(missing))  # fmt: skip


def reproducibility(candidate: Candidate) -> Iterator[Gate]:
    """Training again gave this very part, byte for byte."""
    title, found = "trained again it is the same", candidate.version.reproduction
    digest = part_of(candidate.model, candidate.files).digest
    if found is None:
        note, value = "not reproduced yet", 0.0
    elif found.part_digest != digest:
        note, value = f"another part was reproduced, {found.part_digest[:12]}", 0.0
    else:
        note, value = ("" if found.same else f"differs: {', '.join(found.differs)}"), float(found.same)
    yield at_least("reproducibility", title, value, 1.0, note=note)


def pia(candidate: Candidate) -> Iterator[Gate]:
    """The reference of the privacy impact assessment looks like one (GDPR 35, PIPL 55)."""
    right = re.fullmatch(PIA, candidate.pia) is not None
    found = repr(candidate.pia) + " is none" if candidate.pia else "none is given"
    note = candidate.pia if right else f"{found}; write --pia DPIA-2026-14 or PIPIA-2026-14"
    yield at_least("pia", "reference of the impact assessment", float(right), 1.0, note=note)


def _missing(candidate: Candidate, kind: str) -> list[str]:
    folder = candidate.version.part.with_name(kind)
    names = [f"{kind}.{language}.{form}" for language in LANGUAGES for form in FORMS]
    return [name for name in names if not (folder / name).is_file()]
