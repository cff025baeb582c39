"""What a function uses of a context, each time it runs: what answers are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.flask_facts import METHODS_OF_G
from flask_ctxfix.source import Span

Access = Literal["read", "write", "probe", "call"]


def is_called(access: Access, name: str) -> bool:
    """Whether a use calls what it names, as methods of `g` are that ask for a name."""
    is_probed = access == "probe" and name.rpartition(".")[2] in METHODS_OF_G
    return access == "call" or is_probed


class Use(NamedTuple):
    """Something that a function needs a context for, each time it gets there.

    `name` is the use as written (``request.args``), `of` the qualified name that needs the context.
    `steps` lead from the function to it. `is_certain` says that every run gets there. `span` is
    where the expression stands in the function itself, None if a callee holds it.
    """

    need: Need
    name: str
    of: str
    access: Access
    steps: tuple[Step, ...]
    is_certain: bool
    span: Span | None

    @property
    def attribute(self) -> str:
        """The attribute of a proxy that is used: ``args``."""
        return self.name.partition(".")[2].partition(".")[0]


class Summary(NamedTuple):
    """What a function needs, and which context it leaves pushed, or provides where it yields."""

    uses: tuple[Use, ...] = ()
    leaves: Need = Need.NONE
    yields: Need = Need.NONE

    @property
    def need(self) -> Need:
        """The context that all of its uses together need."""
        return max((use.need for use in self.uses), default=Need.NONE)


def _joined(one: Summary, other: Summary) -> Summary:
    """Return what a function needs that needs what either says."""
    uses = tuple(distinct((*one.uses, *other.uses)))
    return Summary(uses, min(one.leaves, other.leaves), min(one.yields, other.yields))


SUMMARY = QuestionKind("summary", Summary(), _joined)


def distinct(uses: Iterable[Use]) -> Iterator[Use]:
    """Yield the uses; of those in callees, one for each name, the most certain and nearest."""
    seen: set[object] = set()
    for use in sorted(uses, key=lambda use: (use.span is None, not use.is_certain, len(use.steps))):
        key = use.span or (use.name, use.of, use.access)
        if key not in seen:
            seen.add(key)
            yield use
