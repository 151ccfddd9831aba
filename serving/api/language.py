"""Answers in one language: a view over an answer that was sealed in both.

What is logged and digested holds English and Chinese; a caller that sends Accept-Language reads one of them.
"""

import orjson

LANGUAGES = ("en", "zh")
DEFAULT = "en"
MOST_ASKED = 10  # languages of one header that are looked at
BOTH = frozenset(LANGUAGES)


def language_of(header: str | None) -> str | None:
    """The language to answer in: None for both, when nothing is asked; English for what nobody here speaks.

    >>> language_of("zh-Hans-CN, en;q=0.8"), language_of("fr, *;q=0.1"), language_of("en;q=0, zh;q=0.2")
    ('zh', 'en', 'zh')
    >>> language_of(None) is None
    True
    """
    if header is None:
        return None
    wanted = [_range(each) for each in header.split(",")[:MOST_ASKED]]
    best = max(LANGUAGES, key=lambda language: _weight(language, wanted))  # the first of equals: English
    return best if _weight(best, wanted) > 0 else DEFAULT


def localised(body: bytes, language: str) -> bytes:
    """The same JSON answer with its texts in one language, everything else as it is.

    Where there are two texts and nothing else there is one; beside a code it is called `text`.

    >>> localised('{"name":{"en":"Au","zh":"金"},"why":[{"code":"A","en":"Late","zh":"晚"}]}'.encode(), "en")
    b'{"name":"Au","why":[{"code":"A","text":"Late"}]}'
    >>> localised('{"code":"R","text":"Held.","law":"L","zh":"持有"}'.encode(), "zh").decode()
    '{"code":"R","text":"持有","law":"L"}'
    """
    return orjson.dumps(_in(orjson.loads(body), language))


def _in(value: object, language: str) -> object:
    if isinstance(value, dict):
        if value.keys() >= BOTH:
            return _one_of(value, language)
        if "zh" in value and "text" in value:
            return _ruled(value, language)
        return {name: _in(each, language) for name, each in value.items()}
    if isinstance(value, list):
        return [_in(each, language) for each in value]
    return value


def _one_of(texts: dict[str, object], language: str) -> object:
    if len(texts) == len(BOTH):
        return texts[language]
    found: dict[str, object] = {}
    for name, each in texts.items():
        if name not in BOTH:
            found[name] = _in(each, language)
        else:
            found["text"] = texts[language]
    return found


def _ruled(rule: dict[str, object], language: str) -> dict[str, object]:
    """A rule's sentence is `text` in English and `zh` in Chinese."""
    text = rule["zh"] if language == "zh" else rule["text"]
    return {name: text if name == "text" else each for name, each in rule.items() if name != "zh"}


def _range(asked: str) -> tuple[str, float]:
    name, _, quality = asked.partition(";")
    return name.strip().lower().partition("-")[0], _quality(quality.strip())


def _quality(given: str) -> float:
    if not given:
        return 1.0
    name, _, value = given.partition("=")
    digits = value.strip()
    if name.strip() != "q" or not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return 0.0
    return min(float(digits), 1.0)


def _weight(language: str, wanted: list[tuple[str, float]]) -> float:
    """What the header gives a language by name, else by `*`."""
    for name in (language, "*"):
        if found := [quality for asked, quality in wanted if asked == name]:
            return max(found)
    return 0.0
