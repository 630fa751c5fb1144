"""What annotations need of typing, without importing it: that costs every start of a program 4 ms, a third of Python's.

Type checkers see typing itself. At run time the words of annotations stand for nothing, and NamedTuple makes what
collections.namedtuple makes.
"""

from collections import namedtuple

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Final, NamedTuple, Protocol, TypeVar, Union

    __all__ = ["TYPE_CHECKING", "Any", "Final", "NamedTuple", "Protocol", "TypeVar", "Union"]
else:

    class _Word:
        """A word of annotations; what it is told in brackets changes nothing."""

        def __class_getitem__(cls, item):
            return cls

    class Any(_Word):
        """Any type."""

    class Final(_Word):
        """A name bound once."""

    class Union(_Word):
        """One of several types."""

    class Protocol(_Word):
        """What an object must be able to do; a base for classes that nothing is made of."""

    def TypeVar(name):  # noqa: N802  typing's name
        """Return a word that stands for some type."""
        return Any

    class _Maker(type):
        def __new__(cls, name, bases, namespace):
            """Make a named tuple of a class body: its annotations are the fields, what else it holds is kept."""
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            told = namespace.pop("__annotate_func__", None)  # from Python 3.14 on, asked for values by 1
            fields = told(1) if told else namespace.pop("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))
            for key, value in namespace.items():
                setattr(made, key, value)
            made.__annotations__ = fields
            return made

    class NamedTuple(metaclass=_Maker):
        """A base: class Frame(NamedTuple) with annotated fields."""
