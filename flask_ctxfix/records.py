"""Values that are made of fields, without what dataclasses cost when a command starts.

A dataclass writes and compiles its methods anew in each process: half a millisecond for each class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: bool) -> object:
        """Leave a class as it is: what this says is for type checkers."""
        return lambda decorated: decorated


AnyRecord = TypeVar("AnyRecord", bound="Record")


@dataclass_transform(frozen_default=True)
class Record:
    """What inherits from this has the fields that it annotates, as a frozen dataclass has.

    Two are equal if they are of one class and all their fields are equal; with ``eq=False``, none
    but an object itself is.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, eq: bool = True) -> None:
        super().__init_subclass__()
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]
        annotations = vars(cls).get("__annotations__") or cls.__annotations__
        own = [name for name, kind in annotations.items() if not str(kind).startswith("ClassVar")]
        cls._fields = (*cls._fields, *(name for name in own if name not in cls._fields))
        given = {name: vars(cls)[name] for name in own if name in vars(cls)}
        cls._defaults = {**cls._defaults, **given}

    def __init__(self, *args: Any, **given: Any) -> None:
        values = vars(self)
        values.update(self._defaults)
        values.update(zip(self._fields, args, strict=False), **given)
        if len(values) != len(self._fields) or len(args) > len(self._fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} stays as it is")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *map(vars(self).__getitem__, self._fields)))

    def __repr__(self) -> str:
        fields = (f"{name}={vars(self)[name]!r}" for name in self._fields)
        return f"{type(self).__qualname__}({', '.join(fields)})"


def replace(record: AnyRecord, **changes: Any) -> AnyRecord:
    """Return a record like another one, with some of its fields changed."""
    return type(record)(**{**vars(record), **changes})
