"""Replaces typing at run time, because its import costs every start of a program 4 ms, a third of Python's own start.

Type checkers see typing itself. At run time the words of annotations have no meaning. NamedTuple makes classes like
those of collections.namedtuple, which takes four times as long for each: more than 1 ms of a start of han-decode.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar, Union

    __all__ = ["TYPE_CHECKING", "Any", "Final", "Generic", "NamedTuple", "Protocol", "TypeVar", "Union"]
else:
    from collections import _tuplegetter  # reads a field from a tuple, in C
    from functools import cache
    from types import FunctionType

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

    class _Tuple(tuple):
        """The methods of every named tuple."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}  # noqa: RUF012  no field

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, /, **changes):
            return type(self)(**self._asdict() | changes)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            values = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self):
            return tuple(self)  # for copy and pickle

    @cache
    def _code(count):
        """Compile a constructor of so many fields, once for all classes that have as many."""
        fields = ", ".join(f"_{number}" for number in range(count))
        return eval(f"lambda _cls, {fields}: _new(_cls, ({fields},))").__code__  # noqa: S307

    def _constructor(fields, defaults):
        """Return the constructor of a named tuple, by giving the parameters of one of that size their names."""
        code = _code(len(fields)).replace(co_varnames=("_cls", *fields))  # no field begins with an underscore
        return FunctionType(code, {"_new": tuple.__new__}, "__new__", defaults)

    class _Maker(type):
        def __new__(cls, name, bases, namespace):
            """Make a named tuple from a class body: its annotations are the fields; the rest of it is kept."""
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            annotate = namespace.pop("__annotate_func__", None)  # from Python 3.14 on; 1 asks for values
            types = annotate(1) if annotate else namespace.pop("__annotations__", {})
            fields = tuple(types)
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            namespace |= {field: _tuplegetter(at, field) for at, field in enumerate(fields)}
            namespace |= {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}

            made = type(name, (_Tuple,), {**namespace, "__new__": _constructor(fields, tuple(defaults.values()))})
            made.__annotations__ = types
            return made

    class NamedTuple(metaclass=_Maker):
        """A base: class Frame(NamedTuple) with annotated fields."""
