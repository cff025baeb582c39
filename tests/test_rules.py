"""What every rule says about itself: its docstring is complete, and its example is true."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import Rule, by_code
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.settings import Settings

HEADINGS = [
    "Who is hurt",
    "How it fails",
    "Before",
    "After",
    "What the fix changes",
    "When there is no fix",
    "Safe or unsafe",
    "Versions",
    "Sources",
]
# A rule that only reports has nothing to show or to say of a fix.
OF_FIXES = {"After", "What the fix changes", "Safe or unsafe"}
RULES = by_code(engine.load_codemods())
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def docstring(rule: Rule) -> str:
    return inspect.getdoc(type(rule)) or ""


def headings(rule: Rule) -> list[str]:
    """Return the headings that a rule has to have."""
    is_fixed = "After" in docstring(rule).splitlines()
    return [each for each in HEADINGS if is_fixed or each not in OF_FIXES]


def section(rule: Rule, heading: str) -> str:
    """Return the text under a heading, dedented; without fixes the code after is that before."""
    if heading not in headings(rule):
        heading = "Before"
    parts = re.split(rf"^({'|'.join(HEADINGS)})\n\n", docstring(rule), flags=re.MULTILINE)
    return textwrap.dedent(parts[parts.index(heading) + 1]).rstrip("\n") + "\n"


@every_rule
def test_docstring_has_the_headings_in_order(rule: Rule) -> None:
    lines = docstring(rule).splitlines()
    assert [line for line in lines if line in HEADINGS] == headings(rule)
    assert re.fullmatch(r"\S.*\.", lines[0])
    assert all(section(rule, heading).strip() for heading in headings(rule))


@every_rule
def test_code_name_and_message(rule: Rule) -> None:
    assert re.fullmatch(r"CTX\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+([-.][a-z0-9]+)*", rule.name)
    assert rule.message and "\n" not in rule.message


@every_rule
def test_before_is_rewritten_to_after(rule: Rule, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(section(rule, "Before"))
    settings = Settings(
        select=("CTX",),
        paths=(str(path),),
        target_version=TargetVersion.parse("3.1"),
        unsafe_fixes=True,
    )
    outcome = engine.run(settings, "diff")
    assert outcome.errors == []
    (result,) = outcome.results
    assert rule.code in {located.finding.code for located in result.findings}
    assert result.after.text == section(rule, "After")


@every_rule
def test_after_can_be_imported(rule: Rule) -> None:
    try:
        exec(compile(section(rule, "After"), rule.code, "exec"), {"__name__": "example"})
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")


@every_rule
def test_what_is_said_of_the_fix_fits_the_example(rule: Rule) -> None:
    is_fixed = "After" in headings(rule)
    assert is_fixed == (section(rule, "After") != section(rule, "Before"))
    if is_fixed:
        assert not section(rule, "Safe or unsafe").startswith("Never")
