"""What a rule implements: findings, fixes, and the edits that a fix is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from flask_ctxfix.records import Record, replace
from flask_ctxfix.source import Span

if TYPE_CHECKING:
    import ast

    from flask_ctxfix.flask_versions import TargetVersion
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project

Level = Literal["error", "warning", "info"]
Applicability = Literal["safe", "unsafe"]
Role = Literal["entry", "call", "boundary", "read", "write", "register"]
Context = Literal["request", "app", "none"]


class ReplaceExpression(Record):
    """Put `code` in the place of the expression at `span`.

    A name of `holes` that stands in `code` is filled with what the expression at the hole's span
    has become, so that nested edits compose.
    """

    span: Span
    code: str
    holes: tuple[tuple[str, Span], ...] = ()


class RemoveStatement(Record):
    """Take the statement at `span` out; its block gets a `pass` if nothing else is left."""

    span: Span


class ReplaceStatement(Record):
    """Put the statements of `code` (written without indentation) where the one at `span` stands."""

    span: Span
    code: str


class InsertStatement(Record):
    """Put the statements of `code` (without indentation) before or after the one at `span`."""

    span: Span
    code: str
    where: Literal["before", "after"]


class KeepBlock(Record):
    """Replace the compound statement at `span` by the statements of one of its blocks.

    `block` names it: "body", "orelse", or "handler" (the first `except`).
    """

    span: Span
    block: Literal["body", "orelse", "handler"]


class EditImport(Record):
    """Drop the names at the spans `drop` from the import at `span`, and add `add` to it.

    `add` holds pairs of a name and its local name. An import that loses its last name goes.
    """

    span: Span
    drop: tuple[Span, ...] = ()
    add: tuple[tuple[str, str], ...] = ()


class RemoveComments(Record):
    """Take the comment lines right above the statement at `span` out, and the one behind it.

    `above` and `behind` say which of them; the one behind only goes with its statement.
    """

    span: Span
    above: bool
    behind: bool


class RemoveDecorator(Record):
    """Take the decorator whose expression is at `span` off its function."""

    span: Span


class RemoveArgument(Record):
    """Take the keyword argument, dictionary item or item of a ``with`` that starts at `span` out.

    The ``with`` keeps the others, of which there must be one.
    """

    span: Span


class AddItems(Record):
    """Put items before the one at `index` of the call, the tuple or the list at `span`.

    The arguments of a call are counted as they are written. New ones are laid out as the others.
    """

    span: Span
    index: int
    codes: tuple[str, ...]


class AddDecorator(Record):
    """Put the decorator `code` (without its @) above those of the function at `span`.

    `is_innermost` puts it below them.
    """

    span: Span
    code: str
    is_innermost: bool = False


class AddParameter(Record):
    """Give the function at `span` a first parameter `name`.

    `is_second` puts it behind the first one, which a method has for its object; `is_last` behind
    all positional parameters, none of which may have a default.
    """

    span: Span
    name: str
    is_last: bool = False
    is_second: bool = False


class WrapBody(Record):
    """Put the body of the function at `span`, not its docstring, under the ``with`` `header`."""

    span: Span
    header: str


class WrapStatements(Record):
    """Put the sibling statements that `span` reaches over under the ``with`` `header`.

    Whole lines only: no statement outside of `span` may share a line with one of them. Of the first
    ones that are removed by other edits, the comments stay above the ``with``.
    """

    span: Span
    header: str


class RemoveFinally(Record):
    """Take the ``finally`` off the ``try`` at `span`, whose body alone stays if it has no other."""

    span: Span


Edit = (
    ReplaceExpression
    | RemoveStatement
    | ReplaceStatement
    | InsertStatement
    | KeepBlock
    | EditImport
    | RemoveComments
    | RemoveDecorator
    | RemoveArgument
    | AddItems
    | AddDecorator
    | AddParameter
    | WrapBody
    | WrapStatements
    | RemoveFinally
)


class RewriteError(Exception):
    """Why the fixes of one file could not be applied, in one line."""


class Need(Record):
    """A name that the edits of a fix use and that the file does not have yet.

    `anchor` is the span of the statement that bound what is replaced; the import goes to its block.
    `code` is what binds the name where a plain import does not do.
    """

    anchor: Span
    module: str
    name: str
    local: str
    code: str | None = None


class Fix(Record):
    """One rewrite: edits that are applied together or not at all. `message` says what they do.

    `needs` are imported, once per file. `retires` are spans of the import aliases or of the
    assignments that bind a name: each goes if, after all edits of the file, nothing uses its name.
    A fix takes part in `groups`, such as the move of an attribute: each is made in all files of the
    project or, pinned, in none. With `gives_request`, what it changes runs in a request that it
    lacked, so that it is seen to keep data of one. Each of `notes` says what comes of it, and
    `unsafe_reason` what may change that was right, or is not proven; without one, it is safe.
    """

    message: str
    edits: tuple[Edit, ...] = ()
    needs: tuple[Need, ...] = ()
    retires: tuple[Span, ...] = ()
    groups: tuple[str, ...] = ()
    gives_request: bool = False
    notes: tuple[str, ...] = ()
    unsafe_reason: str | None = None

    @property
    def applicability(self) -> Applicability:
        """Whether the fix is made without being asked for by name."""
        return "safe" if self.unsafe_reason is None else "unsafe"


class Definition(NamedTuple):
    """A function by its place: `row` and `column` are those that its node has."""

    name: str
    filename: str
    row: int
    column: int


_VERBS: dict[Role, str] = {
    "entry": "is called",
    "call": "calls",
    "boundary": "starts",
    "read": "reads",
    "write": "writes",
    "register": "registers",
}


class Step(NamedTuple):
    """One step of a path: what the code in `function` does, None being the top level of a file.

    `kind` says what an entry is called as (a view, a hook, a command), or what a boundary leads to
    (a thread, a job, a stream). Rows and columns are those of `code`, from 1; `context` is what
    there is when it runs, as far as that is known. Where one request reads what another one has
    written, `request` says which of the two takes the step. `verb` says what the step does where
    that is not what its role usually does, and `error` what it raises.
    """

    role: Role
    kind: str
    function: Definition | None
    code: str
    filename: str
    row: int
    column: int
    end_row: int
    end_column: int
    context: Context | None = None
    message: str = ""
    request: Literal["", "A", "B"] = ""
    verb: str = ""
    error: str = ""

    @property
    def lane(self) -> str:
        """Which of two requests takes the step, in words; empty where there is only one."""
        return f"request {self.request}" if self.request else ""

    @property
    def does(self) -> str:
        """What the function does in this step, or what is done with it."""
        return self.verb or _VERBS[self.role]

    @property
    def says(self) -> str:
        """What there is to say of the step besides, and what it raises."""
        return ", ".join(filter(None, (self.message, self.error)))


# What helps where there is no fix, and it is too long to say what one would do.
BY_HAND = "rework this by hand"


class Untold(str):
    """What a fix does, in short: all of it is too long to tell, but can be seen in the diff."""

    __slots__ = ()


class Advice(NamedTuple):
    """What to do about a defect, in one imperative; why no fix does it; and what else to know."""

    help: str
    no_fix_reason: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, advice: Advice | str) -> Advice:
        """Return what a text alone advises."""
        return advice if isinstance(advice, Advice) else cls(advice)


class Label(NamedTuple):
    """Another line of a defect, and what it has to do with it."""

    filename: str
    row: int
    column: int
    end_row: int
    end_column: int
    text: str


class Finding(Record):
    """One defect. `span` is the code that the report points at, `labels` are other lines of it.

    `path` leads from what Flask calls to what goes wrong; it is empty if the code at `span` shows
    all of that. `help` says what to do, each of `notes` what comes of it, or what else to know.
    `no_fix_reason` is why there is no fix, where that is known. What `is_part` is a label of a
    finding in another file: it has the part of the fix that is made in this one, and is not shown.
    """

    code: str
    name: str
    level: Level
    message: str
    filename: str
    span: Span
    path: tuple[Step, ...] = ()
    help: str = ""
    notes: tuple[str, ...] = ()
    fix: Fix | None = None
    no_fix_reason: str | None = None
    labels: tuple[Label, ...] = ()
    is_part: bool = False
    is_of_kept_data: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What stays the same if the lines before it move: the rule, and what it says."""
        return self.code, self.message

    def without_fix(self, reason: str, help_: str | None = None) -> Finding:
        """Return the finding without its fix, and without what is true only where it is made."""
        fix = self.fix
        if fix is None:
            return self
        if help_ is None:
            help_ = BY_HAND if isinstance(self.help, Untold) else self.help
        notes = tuple(note for note in self.notes if note not in fix.notes)
        return replace(self, help=help_, notes=notes, fix=None, no_fix_reason=reason)


class Rule:
    """One rule; everything about it stands in its class.

    The docstring is what ``--explain CODE`` prints, under fixed headings, which a test holds.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    message: ClassVar[str]
    # The levels that its findings have, the worst one first.
    levels: ClassVar[tuple[Level, ...]] = ()
    # Whether it finds data of a request that is kept: a fix that gives its code a request may show
    # more of that.
    is_of_kept_data: ClassVar[bool] = False

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the findings of this rule in one module."""
        raise NotImplementedError

    def finding(
        self,
        module: Module,
        level: Level,
        node: ast.AST,
        message: str,
        advice: Advice | str,
        fix: Fix | None = None,
        path: tuple[Step, ...] = (),
        labels: tuple[Label, ...] = (),
    ) -> Finding:
        """Return a finding of this rule that points at `node`."""
        said = Advice.of(advice)
        span = module.span(node)
        row, _ = module.position(span.start)
        if all((step.filename, step.row) == (module.path, row) for step in path):
            path = ()  # the line shows it all
        return Finding(
            *(self.code, self.name, level, message, module.path, span),
            path=path,
            help=said.help,
            notes=said.notes if fix is None else (*said.notes, *fix.notes),
            fix=fix,
            no_fix_reason=said.no_fix_reason if fix is None else None,
            labels=labels,
            is_of_kept_data=self.is_of_kept_data,
        )


class Survey(Record):
    """What a family of rules has to know of one file before it can judge any other.

    `facts` is the family's own, and can be pickled. Each of `leads` is a set of names: a file whose
    code holds all of one may use what this file exports, so it is surveyed and searched as well.
    `groups` are those that fixes of this file may take part in.
    """

    facts: object
    leads: frozenset[frozenset[str]] = frozenset()
    groups: frozenset[str] = frozenset()


_Surveyor = Callable[["Module", "Project", "TargetVersion"], Survey | None]


class Codemod(Record):
    """A family of rules; each module of the entry-point group holds one, as ``CODEMOD``.

    `home` is the module that holds the rules, as ``RULES``. It is imported when a file concerns the
    family: one whose code holds one of `names`, whole, as `Module.names` has them; every file if
    that is None. Whatever a rule finds in a file must need one of them there, or a lead that leads
    to the file; the names of `names_since` count for targets that reach the version beside them. A
    file of tests does not concern the family unless `in_tests`, or by a lead.
    """

    name: str
    home: str
    names: frozenset[str] | None
    names_since: tuple[tuple[tuple[int, int], frozenset[str]], ...] = ()
    in_tests: bool = True

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, whose modules are imported for this."""
        rules: tuple[Rule, ...] = import_module(self.home).RULES
        return rules

    def survey(self, module: Module, project: Project, target: TargetVersion) -> Survey | None:
        """Return what the function ``survey`` of `home`, if it has one, says of a file.

        It is asked about every file that concerns the family, before the first rule is; the facts
        of all of them are ``project.surveys[name]``.
        """
        survey: _Surveyor | None = getattr(import_module(self.home), "survey", None)
        return None if survey is None else survey(module, project, target)

    def names_for(self, target: TargetVersion) -> frozenset[str] | None:
        """Return the names that count for `target`."""
        late = (names for since, names in self.names_since if target.newest >= since)
        return None if self.names is None else self.names.union(*late)


def by_code(codemods: Iterable[Codemod]) -> dict[str, Rule]:
    """Return every rule of `codemods` under its code, in the order of the codes."""
    rules = (rule for codemod in codemods for rule in codemod.rules)
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}
