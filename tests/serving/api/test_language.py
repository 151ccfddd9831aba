"""One language of an answer that holds two."""

import json

import pytest

from serving.api.language import language_of, localised
from serving.api.sandbox import FILE


@pytest.mark.parametrize(
    ("header", "language"),
    [
        pytest.param(None, None, id="nothing-asked"),
        pytest.param("zh", "zh", id="Chinese"),
        pytest.param("zh-CN,zh;q=0.9,en;q=0.8", "zh", id="a-Chinese-browser"),
        pytest.param("en-GB,en;q=0.9,zh;q=0.2", "en", id="an-English-browser"),
        pytest.param("EN", "en", id="upper-case"),
        pytest.param("fr", "en", id="nobody-speaks-it"),
        pytest.param("fr, zh;q=0.1", "zh", id="the-second-choice"),
        pytest.param("*", "en", id="any"),
        pytest.param("en;q=0, *", "zh", id="any-but-English"),
        pytest.param("", "en", id="empty"),
        pytest.param(";;,,=;q", "en", id="nonsense"),
        pytest.param("zh;q=nan", "en", id="a-weight-that-is-none"),
        pytest.param("zh;q=.", "en", id="a-weight-of-a-dot"),
        pytest.param("zh;q=２", "en", id="full-width-digits"),
        pytest.param("fr," * 10 + "zh", "en", id="behind-ten-others"),
    ],
)
def test_the_language_asked_for_is_found(header: str | None, language: str | None) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_of_the_other_language_is_left_and_no_number_changes(language: str) -> None:
    for _, _, answer in json.loads(FILE.read_bytes()):
        said = json.loads(localised(json.dumps(answer).encode(), language))
        assert not _names(said) & {"en", "zh"}
        if answer is not None:
            assert _numbers(said) == _numbers(answer)


def _names(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return [number for each in inside for number in _numbers(each)]
    return [value] if isinstance(value, int | float) else []
