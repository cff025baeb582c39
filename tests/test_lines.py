"""Tests for what two texts have in common, as the diff shows it."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flask_ctxfix.reports.lines import Lines

_TEXTS = st.lists(st.sampled_from([f"{letter}\n" for letter in "abcdefgh"]), max_size=30)


@given(_TEXTS, _TEXTS)
def test_steps_from_one_text_lead_to_the_other(before: list[str], after: list[str]) -> None:
    steps = Lines(before, after).get_opcodes()
    equal = [(before[a:b], after[c:d]) for kind, a, b, c, d in steps if kind == "equal"]
    assert all(old == new for old, new in equal)
    assert [line for _, a, b, _, _ in steps for line in before[a:b]] == before
    assert [line for _, _, _, c, d in steps for line in after[c:d]] == after
    kinds = [kind for kind, *_ in steps]
    assert all(pair != ("equal", "equal") for pair in pairwise(kinds))


def test_a_line_that_moved_is_taken_out_and_put_in() -> None:
    before = ["one\n", "two\n", "three\n", "four\n", "five\n"]
    after = ["four\n", "one\n", "two\n", "three\n", "five\n"]
    assert Lines(before, after).get_opcodes() == SequenceMatcher(None, before, after).get_opcodes()


def test_what_has_no_line_of_its_own_is_compared_as_before() -> None:
    before = ["\n", "x\n", "\n", "x\n"]
    after = ["\n", "x\n", "x\n", "\n", "x\n"]
    assert Lines(before, after).get_opcodes() == SequenceMatcher(None, before, after).get_opcodes()
