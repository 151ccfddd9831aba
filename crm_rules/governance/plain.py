"""Texts that people read before they sign: what is written is what a terminal or a page shows.

An escape sequence could overwrite a gate that said no, a sign that turns the direction of writing could
make a digest read otherwise. Neither gets into a request, a reason or a note.
"""

from collections.abc import Mapping, Sequence

LONGEST = 2_000
WIDE_SPACE = "\u3000"  # between Chinese words; printable to people, not to Python


def plain(text: str) -> bool:
    r"""Whether it is one line of signs that are seen: no control, no direction mark, no half character.

    >>> plain("限额 0.05\u3000收紧"), plain("fine\x1b[2A"), plain("two\nlines"), plain("\u202egnp.exe")
    (True, False, False, False)
    """
    return text.replace(WIDE_SPACE, " ").isprintable()


def unreadable(value: object) -> str | None:
    r"""The first text in a JSON value that is not plain, or is longer than 2,000 signs; None when all are.

    >>> unreadable({"gates": [{"name": "KS\r"}]})
    'KS\r'
    """
    if isinstance(value, str):
        return None if len(value) <= LONGEST and plain(value) else value
    if isinstance(value, Mapping):
        inside: list[object] = [*value, *value.values()]
    elif isinstance(value, Sequence):
        inside = list(value)
    else:
        return None
    return next((found for each in inside if (found := unreadable(each)) is not None), None)
