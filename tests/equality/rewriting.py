"""What the tool makes of the text of one module."""

from __future__ import annotations

from typing import NamedTuple

from flask_ctxfix.codemods.removed_apis import CODEMOD

from flask_ctxfix.codemod import Applicability, Finding
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project
from flask_ctxfix.rewrite import rewrite
from flask_ctxfix.source import Source

_PATH = "expression.py"
_ROUNDS = 10


class Rewritten(NamedTuple):
    """The new text, and the findings that remain in it."""

    text: str
    remaining: list[Finding]


def rewritten(
    text: str, target: TargetVersion, allowed: frozenset[Applicability] = frozenset({"safe"})
) -> Rewritten:
    """Apply the fixes that are `allowed` to a project of one module, until there are no more."""
    for _ in range(_ROUNDS):
        project = Project([_PATH])
        module = project.add(Source(_PATH, text.encode(), text, "utf-8", False))
        findings = _findings(module, project, target)
        fixes = [f.fix for f in findings if f.fix is not None and f.fix.applicability in allowed]
        new = rewrite(module, list(dict.fromkeys(fixes)))
        if new == text:
            return Rewritten(text, findings)
        text = new
    raise AssertionError(f"still changing after {_ROUNDS} rounds:\n{text}")


def _findings(module: Module, project: Project, target: TargetVersion) -> list[Finding]:
    assert CODEMOD.survey is not None
    survey = CODEMOD.survey(module, project, target)
    project.surveys[CODEMOD.name] = [] if survey is None else [survey.facts]
    return [
        finding
        for rule in CODEMOD.rules
        for finding in rule.find(module, project, target)
        if finding.level != "info"
    ]
