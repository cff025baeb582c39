"""The range of Flask versions that a result must run on."""

from __future__ import annotations

import pytest

from flask_ctxfix.flask_versions import KNOWN, TargetVersion


@pytest.mark.parametrize("text", ["2.2", "3.1", "2.2-3.2", "3.1-3.2"])
def test_what_is_read_is_written_the_same(text: str) -> None:
    assert str(TargetVersion.parse(text)) == text


def test_a_range_of_one_version_is_that_version() -> None:
    assert TargetVersion.parse(" 3.1-3.1 ") == TargetVersion((3, 1), (3, 1))
    assert str(TargetVersion.parse("3.1-3.1")) == "3.1"


@pytest.mark.parametrize("text", ["", "3", "3.x", "2.1", "9.9", "3.1.2", "2.2-3.0-3.1", "3.1-"])
def test_what_is_no_version_or_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"unknown version .*; use 2\.2, 2\.3, "):
        TargetVersion.parse(text)


def test_a_range_must_rise() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        TargetVersion.parse("3.1-2.2")


def test_known_versions_rise() -> None:
    assert sorted(KNOWN) == list(KNOWN)
