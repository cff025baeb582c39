"""Lists in code from which names or items go and to which new ones come: laid out as they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import libcst as cst

Item = cst.Arg | cst.BaseDictElement | cst.ImportAlias | cst.WithItem
Listed = TypeVar("Listed", cst.Arg, cst.BaseElement, cst.ImportAlias, cst.Param)
# Where these hold the space in front of what closes their list.
_SPACES = ("whitespace_after_arg", "whitespace_after_param")


def without(items: Sequence[Item], gone: set[int]) -> list[Item]:
    """Return the items that stay; the last of them takes over the last one's trailing comma."""
    kept = [item for index, item in enumerate(items) if index not in gone]
    if kept and len(items) - 1 in gone:
        kept[-1] = kept[-1].with_changes(comma=_commented(items[-1].comma, kept[-1].comma))
    return kept


def edited_names(
    names: Sequence[cst.ImportAlias],
    gone: set[int],
    new: Sequence[cst.ImportAlias],
    opening: cst.LeftParen | None,
) -> list[cst.ImportAlias]:
    """Return the names of an import with some gone and some new, laid out as they were."""
    separator = separator_of(names, opening.whitespace_after if opening is not None else None)
    last_comma = names[-1].comma
    place = min(gone, default=len(names))
    kept = [alias for index, alias in enumerate(names) if index not in gone]
    place -= sum(1 for index in gone if index < place)
    order = _order(kept)
    for alias in new:
        if order is None:
            kept.insert(place, alias)
            place += 1
        else:
            key = order(_name(alias))
            position = next((i for i, a in enumerate(kept) if order(_name(a)) > key), len(kept))
            kept.insert(position, alias)
    between = [_laid_out(alias, names, separator) for alias in kept[:-1]]
    return [*between, kept[-1].with_changes(comma=_commented(last_comma, kept[-1].comma))]


def alias_of(name: str, local: str) -> cst.ImportAlias:
    """Return what stands in an import for a name and the local name that it gets."""
    asname = None if name == local else cst.AsName(cst.Name(local))
    return cst.ImportAlias(cst.Name(name), asname)


def commented_end(
    closing: cst.RightParen | None,
    names: Sequence[cst.ImportAlias],
    edited: Sequence[cst.ImportAlias],
) -> cst.RightParen | None:
    """Return `closing` after the comment of a name that became the last one and has no comma."""
    old = next((alias for alias in names if alias.name is edited[-1].name), None)
    comma = old.comma if old is not None else None
    space = comma.whitespace_after if isinstance(comma, cst.Comma) else None
    if closing is None or isinstance(edited[-1].comma, cst.Comma):
        return closing
    if not isinstance(space, cst.ParenthesizedWhitespace) or space.first_line.comment is None:
        return closing
    before = closing.whitespace_before
    if isinstance(before, cst.ParenthesizedWhitespace):
        return closing.with_changes(
            whitespace_before=before.with_changes(first_line=space.first_line)
        )
    plain = cst.ParenthesizedWhitespace(first_line=space.first_line)
    return closing.with_changes(whitespace_before=plain)


def with_new(
    items: Sequence[Listed],
    index: int,
    new: Sequence[Listed],
    separator: cst.Comma,
    *,
    goes_on: bool = False,
) -> list[Listed]:
    """Return items with new ones before that at `index`; `goes_on` says that others follow."""
    joined = list(items)
    joined[index:index] = new
    laid_out = [_laid_out(each, items, separator) for each in joined[:-1]]
    last = joined[-1]
    if items and last is not items[-1]:
        before, no_space = len(items) - 1, cst.SimpleWhitespace("")
        for name in _SPACES:
            if hasattr(last, name):
                last = last.with_changes(**{name: getattr(items[-1], name)})
                laid_out[before] = laid_out[before].with_changes(**{name: no_space})
        last = last.with_changes(comma=_commented(items[-1].comma, cst.MaybeSentinel.DEFAULT))
    if goes_on and not isinstance(last.comma, cst.Comma):
        last = last.with_changes(comma=separator)
    laid_out.append(last)
    return laid_out


def _laid_out(item: Listed, items: Sequence[Listed], separator: cst.Comma) -> Listed:
    """Give an item that is not the last one a comma: its own, or `separator` with its comment."""
    if isinstance(item.comma, cst.Comma) and item is not items[-1]:
        return item
    return item.with_changes(comma=_commented(separator, item.comma))


def _commented(
    comma: cst.Comma | cst.MaybeSentinel, other: cst.Comma | cst.MaybeSentinel
) -> cst.Comma | cst.MaybeSentinel:
    """Return `comma` with the comment that stands behind `other`, in the place of its own."""
    if not isinstance(comma, cst.Comma):
        return comma
    space = comma.whitespace_after
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return comma
    line = cst.TrailingWhitespace(newline=space.first_line.newline)
    if isinstance(other, cst.Comma):
        own = other.whitespace_after
        if isinstance(own, cst.ParenthesizedWhitespace):
            line = own.first_line
    return comma.with_changes(whitespace_after=space.with_changes(first_line=line))


def _name(alias: cst.ImportAlias) -> str:
    return alias.evaluated_name


def _order(names: Sequence[cst.ImportAlias]) -> Callable[[str], tuple[int, str]] | None:
    """Return the key, of those that import sorters use, that the names are sorted by."""
    spelled = [_name(alias) for alias in names]
    for key in (_constants_first, _folded, _plain):
        if spelled == sorted(spelled, key=key):
            return key
    return None


def _constants_first(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _folded(name: str) -> tuple[int, str]:
    return 0, name.casefold()


def _plain(name: str) -> tuple[int, str]:
    return 0, name


def separator_of(
    items: Sequence[Listed], opening: cst.BaseParenthesizableWhitespace | None
) -> cst.Comma:
    """Return the comma that goes between items: as most of them have it.

    `opening` is the space before the first of them.
    """
    commas = [item.comma for item in items[:-1] if isinstance(item.comma, cst.Comma)]
    spaces = [comma.whitespace_after for comma in commas]
    broken = [space for space in spaces if not _is_on_one_line(space)]
    if spaces and 2 * len(broken) < len(spaces):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if not spaces and items and opening is not None:
        broken = [opening]
    if not broken or _is_on_one_line(broken[-1]):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return cast(cst.Comma, _commented(_closed_up(broken[-1]), cst.MaybeSentinel.DEFAULT))


def _is_on_one_line(space: cst.BaseParenthesizableWhitespace) -> bool:
    return isinstance(space, cst.SimpleWhitespace) and "\\" not in space.value


def _closed_up(space: cst.BaseParenthesizableWhitespace) -> cst.Comma:
    """Return a comma followed by `space` without the comment lines in it."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        space = space.with_changes(empty_lines=[])
    return cst.Comma(whitespace_after=space)
