"""CTX406: settings and flags of contexts that have no effect, or are gone."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.applications import imports_flask
from flask_ctxfix.codemod import (
    Advice,
    Edit,
    Finding,
    Fix,
    KeepBlock,
    Level,
    RemoveArgument,
    RemoveDecorator,
    RemoveStatement,
    ReplaceExpression,
    Rule,
)
from flask_ctxfix.codemods.removed_apis import texts
from flask_ctxfix.codemods.removed_apis.absences import expects_absence
from flask_ctxfix.codemods.removed_apis.folding import condition_of, folded, replaced
from flask_ctxfix.codemods.removed_apis.setting_uses import setting_uses
from flask_ctxfix.codemods.removed_apis.shims import is_needed
from flask_ctxfix.codemods.removed_apis.stack_findings import shared_findings
from flask_ctxfix.codemods.removed_apis.stack_uses import serves_newer_flask
from flask_ctxfix.codemods.removed_apis.stores import facts_of_project
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.left_imports import exported_names
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import ends
from flask_ctxfix.syntax import is_decorator, last_name

_PROPERTY = flask_facts.PRESERVE_PROPERTY
_ENVIRON_KEY = flask_facts.PRESERVE_ENVIRON_KEY
_TAKES_SETTINGS = {"dict", "from_mapping", "update"}
# Those that skip a test where a condition holds, or where it does not: of unittest and of pytest.
_SKIPPING = {False: {"skipIf", "skipif"}, True: {"skipUnless"}}
_SIGNALS_DEPRECATED = (2, 3)
_SIGNALS_REMOVED = (3, 0)
_NO_EFFECT = "remove the setting"
_ALWAYS = "signals are always available since Flask 2.3, which requires Blinker"
_USE_TRUE = Advice("use `True` instead", notes=(_ALWAYS,))
_OLDER = "on Flask 2.2 it is False where Blinker is not installed"
_USE_CLIENT = "use the test client in a `with` block to keep a context for inspection"


class RemovedContextFlags(Rule):
    """Code uses a setting or a flag of contexts that Flask 2.2 or 3.0 removed.

    These are the setting `PRESERVE_CONTEXT_ON_EXCEPTION`, unless the project reads it itself, the
    property `preserve_context_on_exception`, the environ key `flask._preserve_context`,
    `.preserved` and `.auto_pop()` of a context, and `signals_available`.

    Who is hurt

    Everyone, where `signals_available` is imported: the module cannot be loaded. Who reads one of
    the attributes gets an AttributeError. The setting and the environ key are ignored in silence.

    How it fails

        ImportError: cannot import name 'signals_available' from 'flask' (.../flask/__init__.py)

    Before

        from flask import Flask, signals_available

        app = Flask(__name__)
        app.config["PRESERVE_CONTEXT_ON_EXCEPTION"] = False

        def can_send():
            return signals_available

    After

        from flask import Flask

        app = Flask(__name__)

        def can_send():
            return True

    What the fix changes

    `signals_available` becomes `True`, and a branch that is then never taken is removed. The
    setting is removed.

    When there is no fix

    The property, the environ key and the attributes of a context have no successor: to look at a
    context after a request, use the test client in a `with` block.

    Safe or unsafe

    Safe for targets from Flask 2.3 on, which requires Blinker, so that signals are always
    available. Unsafe for `signals_available` where the target includes 2.2, on which it is False
    without Blinker. Removing the setting is safe.

    Versions

    Flask 2.2 removed all but `signals_available`, which warns on 2.3, and which 3.0 removed.

    Sources

    Flask's change log for 2.2, 2.3 and 3.0; pallets/flask pull request 4666.
    """

    code = "CTX406"
    name = "removed-context-flags"
    message = "settings and flags of contexts were removed in Flask 2.2 and 3.0"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield settings, flags, and what the analysis of the stacks found of them."""
        yield from (f for f in shared_findings(module, project, target) if f.code == self.code)
        is_spelled = flask_facts.spelled([_ENVIRON_KEY]) <= module.names
        strings = module.scopes.nodes(ast.Constant) if is_spelled else ()
        for constant in strings:
            if constant.value == _ENVIRON_KEY:
                message = f"Flask has ignored the environ key `{_ENVIRON_KEY}` since 2.2"
                yield self.finding(module, "error", constant, message, _USE_CLIENT, None)
        for attribute in module.scopes.attributes.get(_PROPERTY, ()):
            if imports_flask(module):
                message = texts.read_fails(attribute, "2.2")
                yield self.finding(module, "error", attribute, message, _USE_CLIENT, None)
        for node in setting_uses(module):
            if not facts_of_project(module, project).reads_setting:
                message = f"Flask has ignored `{flask_facts.PRESERVE_SETTING}` since 2.2"
                fix = _without_setting(module, node)
                yield self.finding(module, "warning", node, message, _NO_EFFECT, fix)
        yield from self._signals(module, project, target)

    def _signals(
        self, module: Module, project: Project, target: TargetVersion
    ) -> Iterator[Finding]:
        if target.newest < _SIGNALS_DEPRECATED or not may_know(
            module, project, flask_facts.SIGNALS
        ):
            return
        level: Level = "error" if target.newest >= _SIGNALS_REMOVED else "warning"
        always = target.oldest >= _SIGNALS_DEPRECATED
        doubt = None if always else _OLDER
        reads = [*_reads_of_signals(module, project)]
        fixes: dict[ast.expr, Fix] = {}  # those of one condition are made together
        for node in reads:
            whole = condition_of(module, node)
            if whole not in fixes:
                edit = _with_true(module, whole, reads)
                fixes[whole] = Fix(_USE_TRUE.help, (edit,), unsafe_reason=doubt)
            message = texts.name_fails(module, project, node, "signals_available", "3.0")
            yield self.finding(module, level, node, message, _USE_TRUE, fixes[whole])
        for scope in module.scopes.every:
            for bindings in scope.bindings.values():
                for binding in bindings if len(bindings) == 1 else ():
                    origins = project.binding_origins(module, binding)
                    names = {flask_facts.name_of(origin) for origin in origins}
                    if binding.alias is None or names != flask_facts.SIGNALS:
                        continue
                    if not serves_newer_flask(module, project, binding.node):
                        span = module.span(binding.alias)
                        stays = scope.parent is None and binding.name in exported_names(module)
                        gone = Fix(texts.unused().help, retires=(span,), unsafe_reason=doubt)
                        retired = None if stays else gone
                        advice = texts.used_elsewhere() if stays else texts.unused()
                        message = texts.import_fails(binding, "signals_available", "3.0")
                        yield self.finding(module, level, binding.alias, message, advice, retired)


def _reads_of_signals(module: Module, project: Project) -> Iterator[ast.expr]:
    for node in project.uses_of(module, flask_facts.SIGNALS):
        if not serves_newer_flask(module, project, node) and not expects_absence(
            module, project, node
        ):
            yield node


def _with_true(module: Module, whole: ast.expr, true: Collection[ast.expr]) -> Edit:
    """Return the edit for a condition with parts that are true: of what it decides, a branch stays.

    A decorator that would skip a test no longer does, and goes.
    """
    outcome = folded(module, whole, true)
    parent = module.scopes.parents[whole]
    if isinstance(outcome, bool):
        if isinstance(parent, ast.IfExp) and parent.test is whole:
            kept = module.span(parent.body if outcome else parent.orelse)
            return ReplaceExpression(module.span(parent), "HOLE", (("HOLE", kept),))
        if isinstance(parent, ast.If) and parent.test is whole:
            edit = _one_branch(module, parent, outcome)
            if edit is not None:
                return edit
        if isinstance(parent, ast.Assert) and parent.test is whole and outcome:
            return RemoveStatement(module.span(parent))
        if isinstance(parent, ast.Call) and _never_skips(module, parent, whole, outcome):
            return RemoveDecorator(module.span(parent))
    return replaced(module, whole, outcome)


def _never_skips(module: Module, call: ast.Call, test: ast.expr, outcome: bool) -> bool:
    """Whether a call is a decorator that skips a test under a condition, which never holds."""
    decorated = module.scopes.parents[call]
    if not isinstance(decorated, ast.FunctionDef) or not is_decorator(call, decorated):
        return False
    if call.args[:1] != [test]:
        return False
    return last_name(call.func) in _SKIPPING[outcome]


def _one_branch(module: Module, choice: ast.If, outcome: bool) -> Edit | None:
    """Return the edit that leaves one branch of an `if`, unless that means more than it says."""
    span = module.span(choice)
    dead, kept = (choice.orelse, choice.body) if outcome else (choice.body, choice.orelse)
    if module.text.startswith("elif", span.start) or is_needed(module, choice, dead):
        return None
    if any(map(_suspends, dead)) or ends(kept):
        return None
    if outcome:
        return KeepBlock(span, "body")
    if not choice.orelse:
        return RemoveStatement(span)
    chained = len(choice.orelse) == 1 and isinstance(choice.orelse[0], ast.If)
    return None if chained else KeepBlock(span, "orelse")


def _suspends(statement: ast.stmt) -> bool:
    """Whether a statement may be what makes its function a generator."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(statement))


def _without_setting(module: Module, node: ast.AST) -> Fix | None:
    """Return the fix that takes the setting out: its statement, keyword or dictionary item."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Subscript):
        node, parent = parent, module.scopes.parents[parent]
    if isinstance(parent, ast.Assign):
        plain = isinstance(parent.value, ast.Constant | ast.Name | ast.Attribute)
        if parent.targets == [node] and plain:
            return Fix("remove the setting", (RemoveStatement(module.span(parent)),))
        return None
    if isinstance(parent, ast.Dict) and len(parent.keys) > 1:
        return Fix("remove the setting", (RemoveArgument(module.span(node)),))
    return _without_keyword(module, node, parent) if isinstance(parent, ast.Call) else None


def _without_keyword(module: Module, keyword: ast.AST, call: ast.Call) -> Fix | None:
    is_method = isinstance(call.func, ast.Attribute)
    called = getattr(call.func, "attr" if is_method else "id", "")
    if called not in _TAKES_SETTINGS:
        return None
    if len(call.args) + len(call.keywords) > 1:
        return Fix("remove the setting", (RemoveArgument(module.span(keyword)),))
    statement = module.scopes.parents[call]
    if isinstance(statement, ast.Expr):
        return Fix("remove the setting", (RemoveStatement(module.span(statement)),))
    return None
