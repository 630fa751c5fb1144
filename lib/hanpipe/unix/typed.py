"""Replaces typing at run time, because its import costs every start of a program 4 ms, a third of Python's own start.

Type checkers see typing itself. At run time the words of annotations have no meaning, and NamedTuple makes the same
classes as collections.namedtuple.
"""

from collections import namedtuple

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar, Union

    __all__ = ["TYPE_CHECKING", "Any", "Final", "Generic", "NamedTuple", "Protocol", "TypeVar", "Union"]
else:

    class _Word:
        """A word of annotations; its brackets change nothing."""

        def __class_getitem__(cls, item):
            return cls

    class Any(_Word):
        """Any type."""

    class Final(_Word):
        """A name bound once."""

    class Union(_Word):
        """One of several types."""

    class Generic(_Word):
        """A base: class Meters(Generic[T])."""

    class Protocol(_Word):
        """A base for classes that only describe the methods of an object."""

    def TypeVar(name):  # noqa: N802  typing's name
        """Return a word for some type."""
        return Any

    class _Maker(type):
        def __new__(cls, name, bases, namespace):
            """Make a named tuple from a class body: its annotations are the fields; the rest of it is kept."""
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            annotate = namespace.pop("__annotate_func__", None)  # from Python 3.14 on; 1 asks for values
            fields = annotate(1) if annotate else namespace.pop("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))
            for key, value in namespace.items():
                setattr(made, key, value)
            made.__annotations__ = fields
            return made

    class NamedTuple(metaclass=_Maker):
        """A base: class Frame(NamedTuple) with annotated fields."""
