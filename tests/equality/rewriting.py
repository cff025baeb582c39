"""What the tool makes of the text of one module."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from flask_ctxfix.codemod import Finding
from flask_ctxfix.codemods.removed_apis import CODEMOD
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.rewrite import rewrite
from flask_ctxfix.source import Source

_PATH = "expression.py"
_ROUNDS = 10


class Rewritten(NamedTuple):
    """The new text, the findings that remain in it, and whether some fix was unsafe."""

    text: str
    remaining: tuple[Finding, ...]
    is_unsafe: bool


@cache
def rewritten(text: str, target: TargetVersion) -> Rewritten:
    """Apply all fixes to a project of one module, until there are no more."""
    is_unsafe = False
    for _ in range(_ROUNDS):
        source = Source(_PATH, text, "utf-8", False)
        project = Project([_PATH], sources={_PATH: source})
        module = project.module(_PATH)
        findings = _findings(module, project, target)
        fixes = [finding.fix for finding in findings if finding.fix is not None]
        is_unsafe = is_unsafe or any(fix.applicability == "unsafe" for fix in fixes)
        new = rewrite(module, list(dict.fromkeys(fixes))) if fixes else text
        if new == text:
            return Rewritten(text, tuple(findings), is_unsafe)
        text = new
    raise AssertionError(f"still changing after {_ROUNDS} rounds:\n{text}")


def _findings(module: Module, project: Project, target: TargetVersion) -> list[Finding]:
    survey = CODEMOD.survey(module, project, target)
    project.surveys[CODEMOD.name] = [] if survey is None else [survey.facts]
    return [
        finding
        for rule in CODEMOD.rules
        for finding in rule.find(module, project, target)
        if finding.level != "info"
    ]
