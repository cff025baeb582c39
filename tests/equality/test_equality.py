"""What the tool writes comes out as what stood there before, on every Flask.

On Flask 2.1 the record of the old outcomes is checked instead.
"""

from __future__ import annotations

from functools import cache

import pytest

from flask_ctxfix.flask_versions import TargetVersion
from tests.equality.expressions import EXPRESSIONS, SPELLINGS, WITHOUT, Expression
from tests.equality.never_emit import never_emitted
from tests.equality.outcomes import Outcomes, outcomes
from tests.equality.record import flask_version, recorded
from tests.equality.rewriting import Rewritten, rewritten

INSTALLED = flask_version()
HAS_STACKS = INSTALLED < (2, 2)
NEXT = (3, 2)
ALL_RELEASED = TargetVersion((2, 2), (3, 1))
UP_TO_NEXT = TargetVersion((2, 2), NEXT)

each_expression = pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda each: each.name)
before = cache(recorded)


@pytest.mark.skipif(not HAS_STACKS, reason="the stacks went with Flask 2.2")
@each_expression
def test_record_is_what_old_flask_does(expression: Expression) -> None:
    for spelling in SPELLINGS.values():
        source = expression.source(spelling)
        assert outcomes(source) == before()[expression.name], source


@pytest.mark.skipif(HAS_STACKS, reason="on Flask 2.1 nothing has to be rewritten")
@each_expression
def test_outcome_is_as_equal_as_the_table_says(expression: Expression) -> None:
    target = TargetVersion(INSTALLED, INSTALLED)
    # To keep the run short, each expression has one of the two rarer imports, in turn.
    rarer = ("renamed", "dotted")[EXPRESSIONS.index(expression) // 2 % 2]
    for name in ("imported", "variable", rarer):
        new = rewritten(expression.source(SPELLINGS[name]), target)
        allowed = {expression.grade} if name == "imported" else {expression.grade, "E"}
        assert _judged(expression, new, target) <= allowed, new.text


@pytest.mark.skipif(HAS_STACKS, reason="on Flask 2.1 nothing has to be rewritten")
@each_expression
def test_one_text_serves_all_released_versions(expression: Expression) -> None:
    new = rewritten(expression.source(SPELLINGS["imported"]), ALL_RELEASED)
    assert _judged(expression, new, ALL_RELEASED) <= {expression.grade}, new.text


@pytest.mark.skipif(HAS_STACKS, reason="on Flask 2.1 nothing has to be rewritten")
@each_expression
def test_text_for_the_next_version_too_is_as_equal(expression: Expression) -> None:
    new = rewritten(expression.source(SPELLINGS["imported"]), UP_TO_NEXT)
    if not new.is_unsafe and not new.remaining:
        assert _judged(expression, new, UP_TO_NEXT) <= {expression.grade}, new.text


@each_expression
def test_forms_that_are_never_right_are_not_written(expression: Expression) -> None:
    old = expression.source(SPELLINGS["imported"])
    for target in (ALL_RELEASED, TargetVersion(NEXT, NEXT), UP_TO_NEXT):
        new = rewritten(old, target)
        assert not never_emitted(old, new.text, target), new.text


def _judged(expression: Expression, new: Rewritten, target: TargetVersion) -> set[str]:
    """Return the grade of a rewrite, or where it differs; nothing where it is rightly refused."""
    if expression.is_reported(target.newest):
        assert any(finding.fix is None for finding in new.remaining), new.text
        return set()
    is_early = expression.safe_from is not None and target.oldest < expression.safe_from
    assert is_early or not new.is_unsafe, new.text
    assert not new.remaining, [(f.message, f.help) for f in new.remaining]
    old = before()[expression.name]
    expected = {state: {**old[state], **expression.differs.get(state, {})} for state in old}
    return _grades(expected, outcomes(new.text), expression)


def _grades(old: Outcomes, new: Outcomes, expression: Expression) -> set[str]:
    without = {state for stack in expression.stacks for state in WITHOUT[stack]}
    differences = [
        (state, name, old[state].get(name), new[state].get(name))
        for state in old
        for name in old[state].keys() | new[state].keys()
        if old[state].get(name) != new[state].get(name)
    ]
    wrong = {
        f"{state}, {name}: {was} -> {now}"
        for state, name, was, now in differences
        if (was, now) != ("raises AttributeError", "raises RuntimeError") or state not in without
    }
    return wrong or {"E*" if differences else "E"}
