"""The path of a finding: from what Flask calls, over what starts other work, to what goes wrong."""

from __future__ import annotations

from collections.abc import Iterable

from flask_ctxfix.codemod import Context, Step
from flask_ctxfix.context_flow.entries import Where
from flask_ctxfix.context_flow.reachability import Reach

_CONTEXTS: dict[Where, Context] = {
    Where.REQUEST: "request",
    Where.APP: "app",
    Where.OUTSIDE: "none",
}
# How the top level of a module runs.
AT_IMPORT = Reach(Where.OUTSIDE)


def path_to(
    reach: Reach, *here: Step, then: Iterable[Step] = (), there: Context | None = "none"
) -> tuple[Step, ...]:
    """Return the path to the steps `here`, at code that is reached so, and over them to `then`.

    Those run elsewhere, or later; `there` is the context that they have. Among the steps `here` may
    be calls on the way, as where data is passed on.
    """
    context = _CONTEXTS.get(reach.where)
    way = (step for step in reach.steps if step not in here)
    before = [step._replace(context=context) for step in (*way, *here)]
    return (*before, *(step._replace(context=there) for step in then))
