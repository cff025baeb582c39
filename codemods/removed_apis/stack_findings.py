"""What there is to say about the stacks in one module: the findings of CTX401 to CTX403."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from flask_ctxfix.aliases import may_know
from flask_ctxfix.codemod import (
    Advice,
    Edit,
    Finding,
    Fix,
    Need,
    RemoveStatement,
    ReplaceExpression,
)
from flask_ctxfix.codemods.removed_apis import texts
from flask_ctxfix.codemods.removed_apis.kept_contexts import KeptContexts
from flask_ctxfix.codemods.removed_apis.lookups import PRIVATE, LookupUse, lookup_uses
from flask_ctxfix.codemods.removed_apis.named_stacks import NAMES, NamedStacks, first_name
from flask_ctxfix.codemods.removed_apis.replacements import Refusal, Rewrite, worst
from flask_ctxfix.codemods.removed_apis.stack_uses import STACKS, Kind, Top, Variable
from flask_ctxfix.codemods.removed_apis.stores import imported_stack
from flask_ctxfix.codemods.removed_apis.top_rewriter import TopRewriter
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.source import Span
from flask_ctxfix.suppression import is_silenced

_ADVICE_FOR_OPERATIONS = {
    "push": Advice(
        "use `with ctx:`, which also runs teardown functions",
        "no public API puts a context on the stack as this did",
    ),
    "pop": Advice(
        "use `with ctx:` around the code that needs the context",
        "no public API takes a context off the stack as this did",
    ),
    "__ident_func__": Advice(
        "use `greenlet.getcurrent` or `threading.get_ident` instead",
        notes=("`lambda: id(app_ctx._get_current_object())` scopes by app context instead",),
    ),
}
# Where one function pushes and another one pops, no `with` holds both.
_HELP_APART = {
    "push": "keep the context, call its `push()` here, and its `pop()` where it ends",
    "pop": "keep the context that was pushed, and call its `pop()` here",
}
_IS_ENTERED = "this context is entered elsewhere, and since Flask 2.2 threads cannot share one"
_EMPTY_G = "`g` starts empty in each of these contexts, so pass what was kept on it"
_ENTERED_LATER: dict[Kind, Advice] = {
    "app": Advice(
        "keep `current_app._get_current_object()`, and open `app.app_context()` in each thread",
        _IS_ENTERED,
        (_EMPTY_G,),
    ),
    "request": Advice(
        "pass the values that are read, or wrap each call in `copy_current_request_context`",
        _IS_ENTERED,
        (_EMPTY_G,),
    ),
}
_READ_BY_HAND = Advice(
    "replace by hand what is read from this variable", "one of its uses has no replacement"
)
_ASKED_FOR = Advice(
    "remove the check that there is such a stack",
    "on Flask 3.0 there is no stack, and the code behaves as if no context were active",
)
_BESIDE = Advice(
    "open the context with a `with` block instead of `push()` and `pop()`",
    "this function changes the stack itself, and Flask 3.0 has no stack",
)
_NO_COUNTERPART = Advice(
    "use `app_ctx`, `request_ctx` or Flask's public proxies instead",
    "no public API gives access to the stack itself",
)
_WIDENED = "the fix also catches RuntimeError in the `except` around this code"
_NOT_ASKED_FOR = "replace every use of this stack at once"
_TOGETHER = "move every use of this attribute at once"
_STUCK = "another use of this attribute has no fix, and would look in another place"


def shared_findings(module: Module, project: Project, target: TargetVersion) -> list[Finding]:
    """Return the findings of one analysis of the stacks, which several rules sort by code."""
    if not may_know(module, project, STACKS | PRIVATE):
        return []
    key = ("stack findings", target, project.pinned)
    return module.memo(key, lambda: list(_Analysis(module, project, target).findings()))


class _Analysis(NamedStacks):
    """The findings of one module for one target."""

    def __init__(self, module: Module, project: Project, target: TargetVersion) -> None:
        super().__init__(module, project, target)
        self._rewriter = TopRewriter(module, project, self._uses, target)
        self._kept_contexts = KeptContexts(project)

    def findings(self) -> Iterator[Finding]:
        """Yield every finding; those of imports last, for they depend on the others."""
        found = [
            (finding, variable.definitions[0].stack.node, variable.reads)
            for variable in self._uses.variables
            for finding in self._variable(variable)
        ]
        found += [
            (finding, top.stack.node, (top,))
            for top in self._uses.tops
            for finding in self._top(top)
        ]
        yield from self._moved_together(found)
        yield from self._operations()
        yield from self._lookups()
        yield from self._imports()
        yield from self._shims()
        yield from self._assigned_to_flask()
        yield from self._patched()

    def _moved_together(
        self, found: Sequence[tuple[Finding, ast.AST, Sequence[Top]]]
    ) -> Iterator[Finding]:
        """Yield findings; without a fix, those that move what another use in this file keeps.

        What one function keeps on `g`, no other would find on the context.
        """
        stuck: set[str] = set()
        fixed = [finding.fix is not None for finding, *_ in found]
        while True:
            stuck |= {
                group
                for (_, _, tops), is_fixed in zip(found, fixed, strict=True)
                if not is_fixed
                for top in tops
                for group in self._rewriter.groups(top)
            }
            still = [
                is_fixed and stuck.isdisjoint(finding.fix.groups if finding.fix else ())
                for (finding, *_), is_fixed in zip(found, fixed, strict=True)
            ]
            if still == fixed:
                break
            fixed = still
        for (finding, node, _), is_fixed in zip(found, fixed, strict=True):
            if finding.fix is not None and not is_fixed:
                self._stays.add(node)
                finding = finding.without_fix(_STUCK, _TOGETHER)
            yield finding

    # --- tops ------------------------------------------------------------------------------

    def _top(self, top: Top) -> Iterator[Finding]:
        if self._is_beside_operation(top.node):
            yield self._refused(top, Refusal(_BESIDE))
            return
        if self._uses.may_be_missing(top.stack):
            yield self._refused(top, Refusal(self._advice_without_stack(top)))
            return
        if self._rewriter.travels(top) and self._is_entered_later(top):
            yield self._refused(top, Refusal(_ENTERED_LATER[top.kind]))
            return
        rewrite = self._rewriter.rewrite(top)
        if isinstance(rewrite, Refusal):
            yield self._refused(top, rewrite)
            return
        yield self._fixed(top, [rewrite], rewrite.edits, span=rewrite.span)

    def _advice_without_stack(self, top: Top) -> Advice:
        """Return what to do about a use of a stack that the module takes for missing elsewhere."""
        if self._uses.asks_for_stack(top.node):
            return _ASKED_FOR
        parent = self._module.scopes.parents[top.node]
        is_attribute = isinstance(parent, ast.Attribute)
        return _ASKED_FOR._replace(help=_TOGETHER if is_attribute else _NOT_ASKED_FOR)

    def _is_entered_later(self, top: Top) -> bool:
        return self._kept_contexts.is_entered_later(self._module, top.node)

    def _refused(self, top: Top, refusal: Refusal) -> Finding:
        self._stays.add(top.stack.node)
        message = refusal.message or self._gone(top.kind, top.stack.node)
        return self._finding(top.kind, top.node, message, refusal.advice, None, refusal.code)

    def _fixed(
        self,
        top: Top,
        rewrites: Sequence[Rewrite],
        edits: Sequence[Edit],
        variable: str | None = None,
        span: Span | None = None,
    ) -> Finding:
        """Return a finding with a fix; it points at `span`, what the replacement stands for."""
        fix = self._fix(top, rewrites, edits, variable)
        message = self._gone(top.kind, top.stack.node)
        finding = self._finding(top.kind, top.node, message, Advice(fix.message), fix)
        if span is not None:
            finding = replace(finding, span=span)
        if is_silenced(self._module, finding):
            self._stays.add(top.stack.node)
        return finding

    def _fix(
        self, top: Top, rewrites: Sequence[Rewrite], edits: Sequence[Edit], variable: str | None
    ) -> Fix:
        doubt = _doubt(rewrites)
        if doubt is not None:
            self._unsafe.add(top.stack.node)
        needs: list[Need] = [need for rewrite in rewrites for need in rewrite.needs]
        groups = dict.fromkeys(group for rewrite in rewrites for group in rewrite.groups)
        groups.update(dict.fromkeys(self._imported_from_others(top)))
        return Fix(
            self._told(rewrites, variable),
            tuple(edits),
            tuple(dict.fromkeys(needs)),
            groups=tuple(groups),
            notes=_notes(rewrites) if doubt is None else (),
            unsafe_reason=doubt,
        )

    def _told(self, rewrites: Sequence[Rewrite], variable: str | None) -> str:
        """Say what is done with a top, or with the uses of the variable that was given it."""
        if not rewrites:
            return f"remove `{variable}`, which nothing reads"
        edits = [
            (edit, rewrite.code)
            for rewrite in rewrites
            for edit in rewrite.edits[:1]
            if isinstance(edit, ReplaceExpression)
        ]
        uses = [self._module.span(top.node) for top in self._uses.every_top()]
        return texts.replacements(self._module, edits, uses, variable)

    def _imported_from_others(self, top: Top) -> Iterator[str]:
        """Yield the groups of uses of a stack that another file of the project exports."""
        name = first_name(top.stack.node)
        for scope, binding in self._uses.bindings:
            if isinstance(name, ast.Name) and name in scope.reads.get(binding.name, ()):
                group = imported_stack(self._module, self._project, binding)
                if group is not None:
                    yield group

    def _is_beside_operation(self, node: ast.AST) -> bool:
        """Whether the function of `node` pushes to the stack itself, or pops from it."""
        function = self._module.scopes.function_of(node)
        return function is not None and any(
            self._module.scopes.function_of(stack.node) is function
            and self._attribute(stack.node) in {"push", "pop"}
            for stack in self._uses.operations
        )

    def _attribute(self, node: ast.AST) -> str:
        parent = self._module.scopes.parents[node]
        return parent.attr if isinstance(parent, ast.Attribute) else ""

    # --- variables -------------------------------------------------------------------------

    def _variable(self, variable: Variable) -> Iterator[Finding]:
        first = variable.definitions[0]
        if any(
            self._is_beside_operation(definition.node)
            or self._uses.may_be_missing(definition.stack)
            for definition in variable.definitions
        ):
            for definition in variable.definitions:
                yield from self._top(definition)
            return
        rewrites: list[Rewrite | Refusal] = []
        is_inlined = variable.is_inlinable and not self._is_told_of(variable)
        if is_inlined and not any(map(self._rewriter.travels, variable.reads)):
            rewrites = [self._rewriter.rewrite(read) for read in variable.reads]
        done = [rewrite for rewrite in rewrites if isinstance(rewrite, Rewrite)]
        if len(done) == len(variable.reads):
            edits = [edit for rewrite in done for edit in rewrite.edits]
            removed = [RemoveStatement(self._module.span(s)) for s in variable.statements]
            name = _target_of(variable)
            yield self._fixed(first, done, [*removed, *edits], name.id if name else None)
            return
        conflicts = [r for r in rewrites if isinstance(r, Refusal) and r.expects_old_error]
        if conflicts:
            for definition in variable.definitions:
                yield self._refused(definition, conflicts[0])
        else:
            yield from self._kept_variable(variable)

    def _is_told_of(self, variable: Variable) -> bool:
        """Whether a comment names a variable, which would tell of what is gone."""
        function = self._module.scopes.function_of(variable.statements[0])
        target = _target_of(variable)
        if function is None or target is None:
            return False
        told = re.compile(rf"#.*\b{re.escape(target.id)}\b")
        return told.search(self._module.segment(function)) is not None and not any(
            self._rewriter.refusal(read) or self._rewriter.groups(read) for read in variable.reads
        )

    def _kept_variable(self, variable: Variable) -> Iterator[Finding]:
        """Give a variable the context object itself, and see to what that no longer has."""
        first = variable.definitions[0]
        if any(map(self._is_entered_later, variable.definitions)):
            for top in variable.definitions:
                yield self._refused(top, Refusal(_ENTERED_LATER[top.kind]))
            return
        rewrites = [
            self._rewriter.rewrite(read)
            for read in variable.reads
            if read.kind == "request" and self._attribute(read.node) == "g"
        ]
        refused = [
            (read, refusal)
            for read in variable.reads
            if (refusal := self._rewriter.refusal(read)) is not None
        ]
        conflicts = [r for r in rewrites if isinstance(r, Refusal) and r.expects_old_error]
        if conflicts:
            for top in variable.definitions:
                yield self._refused(top, conflicts[0])
            return
        if refused:
            for top in variable.definitions:
                yield self._refused(top, Refusal(_READ_BY_HAND))
            for top, refusal in refused:
                yield self._refused(top, refusal)
            return
        values = [self._rewriter.value(definition) for definition in variable.definitions]
        edits = [edit for value in values for edit in value.edits]
        for rewrite in rewrites:
            if isinstance(rewrite, Rewrite):
                values.append(rewrite)
                edits += rewrite.edits
        yield self._fixed(first, values, edits)

    # --- the stack itself ------------------------------------------------------------------

    def _operations(self) -> Iterator[Finding]:
        for stack in self._uses.operations:
            self._stays.add(stack.node)
            name = self._attribute(stack.node)
            node = self._module.scopes.parents[stack.node]
            advice = _ADVICE_FOR_OPERATIONS.get(name, _NO_COUNTERPART)
            if name in _HELP_APART and not self._is_paired(stack.node, name):
                advice = advice._replace(help=_HELP_APART[name])
            yield self._finding(stack.kind, node, self._gone(stack.kind, stack.node), advice, None)
        for stack in self._uses.objects:
            self._stays.add(stack.node)
            message = self._gone(stack.kind, stack.node)
            advice = _ASKED_FOR if self._uses.asks_for_stack(stack.node) else _NO_COUNTERPART
            yield self._finding(stack.kind, stack.node, message, advice, None)

    def _is_paired(self, node: ast.AST, name: str) -> bool:
        """Whether one function pushes a context and takes it off, as a `with` would."""
        function_of = self._module.scopes.function_of
        other = "pop" if name == "push" else "push"
        return any(
            function_of(call) is function_of(node) and not (other == "pop" and call.args)
            for call in self._module.scopes.calls.get(other, ())
        )

    # --- lookups ---------------------------------------------------------------------------

    def _lookups(self) -> Iterator[Finding]:
        for use in lookup_uses(self._module, self._project, self._target):
            yield self._lookup(use)

    def _lookup(self, use: LookupUse) -> Finding:
        return Finding(
            "CTX403",
            NAMES["CTX403"],
            "error",
            use.message,
            self._module.path,
            self._module.span(use.node),
            help=use.advice.help,
            notes=use.fix.notes if use.fix is not None else (),
            fix=use.fix,
            no_fix_reason=use.advice.no_fix_reason,
        )


def _target_of(variable: Variable) -> ast.Name | None:
    """Return the name that the first statement assigns."""
    statement = variable.statements[0]
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return target if isinstance(target, ast.Name) else None


def _doubt(rewrites: Sequence[Rewrite]) -> str | None:
    """Return why rewrites that are made together are not safe."""
    notes = [rewrite.note for rewrite in rewrites if rewrite.note]
    return (notes or [texts.LIVES_LONGER])[0] if worst(rewrites) == "unsafe" else None


def _notes(rewrites: Sequence[Rewrite]) -> tuple[str, ...]:
    """Return what else safe rewrites change."""
    notes = [rewrite.note for rewrite in rewrites if rewrite.note]
    if notes:
        return (notes[0],)
    edits = [edit for rewrite in rewrites for edit in rewrite.edits]
    if any(isinstance(each, ReplaceExpression) and "RuntimeError" in each.code for each in edits):
        return (_WIDENED,)
    return (texts.OTHER_ERROR,) if any(each.raises_differently for each in rewrites) else ()
