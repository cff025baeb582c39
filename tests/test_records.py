import pickle

import pytest

from flask_ctxfix.codemod import RemoveDecorator, RemoveStatement, ReplaceExpression
from flask_ctxfix.records import Record, replace
from flask_ctxfix.source import Span


class Place(Record):
    row: int
    column: int = 1

    @property
    def is_first(self) -> bool:
        return self.row == 1


class Named(Place):
    name: str = ""


class Node(Record, eq=False):
    row: int


def test_fields_are_given_by_place_by_name_or_by_default() -> None:
    assert Place(2) == Place(row=2) == Place(2, 1) == Place(column=1, row=2)
    assert Place(2) != Place(2, 2)
    assert (Place(1).is_first, Place(2).is_first) == (True, False)
    assert repr(Named(2, name="x")) == "Named(row=2, column=1, name='x')"


@pytest.mark.parametrize(
    ("args", "given"), [((), {}), ((1, 2, 3), {}), ((1,), {"line": 2}), ((), {"column": 2})]
)
def test_fields_that_are_missing_or_unknown(args: tuple[int, ...], given: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Place takes row, column"):
        Place(*args, **given)


def test_classes_are_told_apart() -> None:
    span = Span(1, 2)
    assert RemoveStatement(span) != RemoveDecorator(span)
    assert len({RemoveStatement(span), RemoveDecorator(span), RemoveStatement(span)}) == 2
    assert Named(2) != Place(2)


def test_equal_records_have_one_hash_however_they_were_made() -> None:
    assert hash(Place(column=2, row=1)) == hash(Place(1, 2))
    assert len({Node(1), Node(1)}) == 2


def test_records_are_frozen_and_replaced() -> None:
    place = Place(2)
    with pytest.raises(AttributeError, match="frozen"):
        place.row = 3  # type: ignore[misc]
    assert (replace(place, column=5), place) == (Place(2, 5), Place(2))
    with pytest.raises(TypeError):
        replace(place, line=5)


def test_records_travel_between_processes() -> None:
    edit = ReplaceExpression(Span(1, 2), "x", (("HOLE", Span(1, 1)),))
    assert pickle.loads(pickle.dumps(edit)) == edit
