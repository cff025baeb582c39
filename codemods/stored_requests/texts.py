"""What the rules of the family say: in lines that are short, whatever the names in them."""

from __future__ import annotations

import re

from flask_ctxfix.context_flow.request_datum import Datum, How
from flask_ctxfix.wording import fitting

_HOLDER = re.compile(r"[\w.]+(?=\[)")

# What says in a reason that `g` is no place for a value: another request reads it, or none does.


class WithoutG(str):
    """A reason why a value stays where it is, that says of `g` that it would not do either."""

    __slots__ = ()


class ReadByOthers(WithoutG):
    """A reason that says that another request reads the value, which `g` would not have there."""

    __slots__ = ()


# What becomes of a count that each user goes on with.
_GOES_ON = "carries on from one request to the next, whoever sends it"
# What a slot is, in a message; of a class and its objects, the name shows it.
KINDS = {
    "global": "global",
    "variable": "variable",
    "class": "class attribute",
    "instance": "shared attribute",
    "application": "attribute",
    "object": "shared attribute",
}
IS_READABLE = "users can read what their `session` holds, so keep a secret in a database"
# What comes of it that something is kept, in words and in fewer words.
READ_BY_OTHERS = ("so another user's request can read it", "so other users can read it")
KEEP_ELSEWHERE = "keep the value in `g` (one request), `session` (one user) or a database (all)"


def kept(where: str, datum: Datum, consequences: tuple[str, ...], what: str = "") -> str:
    """Return the message about data of a request that is kept `where` other requests find it.

    `what` says what that is, if there is room for it.
    """
    if not datum.of:
        names = (f"the {what} `{where}`" if what else "", f"`{where}`", f"`{_holder(where)}`")
        return fitting(*(f"{each} {_GOES_ON}" for each in (*filter(None, names), "this value")))
    keeps = "keeps" if datum.how is How.READ else "keeps data that depends on"
    subjects = (
        f"the {what} `{where}` {keeps} `{datum.of}`" if what else "",
        f"`{where}` {keeps} `{datum.of}`",
        f"`{_holder(where)}` {keeps} `{datum.of}`",
        f"`{_holder(where)}` keeps data of a request",
        "data of a request is kept here",
    )
    return fitting(*(f"{each}, {then}" for each in subjects if each for then in consequences))


def growing(where: str, datum: Datum) -> str:
    """Return the message about a container that gets one more item for each `datum` of its kind.

    Where `of` of that is empty, there is one more with each request.
    """
    each = (f"`{where}` is never emptied, so it keeps an item for each `{datum.of}`",)
    return fitting(
        *(each if datum.of else ()),
        f"`{where}` is never emptied, so it grows with each request",
        "this container is never emptied, so it grows with each request",
    )


def kept_elsewhere(name: str, why: str, *, is_read_by_others: bool) -> str:
    """Return where to keep what `name` holds: none of the places that `why` rules out."""
    if isinstance(why, ReadByOthers) or (is_read_by_others and not isinstance(why, WithoutG)):
        place = "`session` (one user) or a database (all users)"
        return fitting(f"keep `{name}` in {place}", f"keep the value in {place}")
    if isinstance(why, WithoutG):
        return fitting(
            f"pass `{name}` as an argument, or keep it in a database",
            "pass the value as an argument, or keep it in a database",
        )
    place = "`g` (one request), `session` (one user) or a database (all users)"
    return fitting(f"keep `{name}` in {place}", KEEP_ELSEWHERE)


def unseen(why: str) -> str:
    """Return a reason why what is kept cannot move: there may be more uses of it."""
    return fitting(f"{why}, so not all its uses are known", why)


def _holder(code: str) -> str:
    """Return what an expression is an item of, if it is one."""
    found = _HOLDER.match(code)
    return found[0] if found is not None else code
