"""How Python values look to a template: their Go type, what they are compared and printed as, and what they expose.

A class shows itself to templates by class attributes, and shows nothing else of itself:

* `__gotype__: str` is the name of its type in messages, such as `template.Alert`;
* `__gofields__: Mapping[str, str]` leads from the Go name of a field to the attribute that holds it, in the order in
  which the fields are printed;
* `__gomethods__: Mapping[str, str]` leads from the Go name of a method to the method; `String` also prints the value;
* `__goelem__` of a mapping is the zero value that an absent key gives; None, which prints `<no value>`, unless set.

None, bool, int, float and str are nil, bool, int, float64 and string; lists and tuples are slices; mappings are maps;
functions are functions.
"""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from obsflow.model.labels import Labels

INT_RANGE: Final = range(-(1 << 63), 1 << 63)
"""Go's int."""


class Kind(enum.Enum):
    """What a template can do with a value."""

    NIL = "nil"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float64"
    STRING = "string"
    LIST = "[]interface {}"
    MAP = "map[string]interface {}"
    STRUCT = "struct {}"
    FUNC = "func()"


BASIC: Final = frozenset((Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.STRING))
"""The kinds that are compared by value. One with a type name of its own is not passed where the plain one is wanted."""


@attrs.frozen(eq=False)
class Parameter:
    """What one argument of a function must be: of a kind, and of a class where one is named. Neither takes anything."""

    type_name: str
    kind: Kind | None = None
    cls: type | None = None

    def accepts(self, value: object) -> bool:
        """Whether the value can be passed as it is."""
        if self.cls is not None:
            return isinstance(value, self.cls)
        if self.type_name == "[]string":
            return isinstance(value, (list, tuple)) and all(isinstance(element, str) for element in value)
        if self.kind is None:
            return True
        known = go_type(value)
        return known.kind is self.kind and (known.name == self.kind.value or self.kind not in BASIC)


@attrs.frozen(eq=False)
class Function:
    """A function as templates call it. With `rest`, any number of further arguments may follow."""

    name: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    rest: Parameter | None = None

    def parameter(self, index: int) -> Parameter:
        """What the argument at `index` must be."""
        if index < len(self.parameters):
            return self.parameters[index]
        assert self.rest is not None
        return self.rest

    def arity_error(self, given: int) -> str | None:
        """What is wrong with the number of arguments."""
        wanted = len(self.parameters)
        if self.rest is not None:
            return f"want at least {wanted} got {given}" if given < wanted else None
        return f"want {wanted} got {given}" if given != wanted else None


@attrs.frozen(eq=False)
class GoType:
    """What is known of a Python class."""

    name: str
    kind: Kind
    fields: Mapping[str, str]
    methods: Mapping[str, Function]
    zero: Any = None
    string_method: Callable[[Any], str] | None = None


_KINDS: tuple[tuple[type, Kind], ...] = (
    (type(None), Kind.NIL),
    (bool, Kind.BOOL),
    (int, Kind.INT),
    (float, Kind.FLOAT),
    (str, Kind.STRING),
    (Mapping, Kind.MAP),
    (list, Kind.LIST),
    (tuple, Kind.LIST),
)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, Function)

ANYTHING = Parameter("interface {}")

_KNOWN: dict[type, GoType] = {}


def go_type(value: object) -> GoType:
    """The type of a value."""
    cls = type(value)
    return _KNOWN.get(cls) or describe(cls)


def describe(cls: type) -> GoType:
    """The Go type of a class. A class that shows nothing of itself is a struct without fields."""
    known = _KNOWN.get(cls)
    if known is None:
        known = _KNOWN[cls] = _describe(cls)
    return known


def _describe(cls: type) -> GoType:
    kind = _kind_of(cls)
    if issubclass(cls, Labels):
        return GoType("map[string]string", kind, {}, {}, zero="")
    name = getattr(cls, "__gotype__", kind.value if kind is not Kind.STRUCT else cls.__name__)
    exposed: Mapping[str, str] = getattr(cls, "__gomethods__", {})
    methods = {go: function_of(getattr(cls, python), go, bound=True) for go, python in exposed.items()}
    return GoType(
        name=name,
        kind=kind,
        fields=getattr(cls, "__gofields__", {}),
        methods=methods,
        zero=getattr(cls, "__goelem__", None),
        string_method=methods["String"].call if "String" in methods else None,
    )


def _kind_of(cls: type) -> Kind:
    if issubclass(cls, _FUNCTIONS):
        return Kind.FUNC
    return next((kind for base, kind in _KINDS if issubclass(cls, base)), Kind.STRUCT)


def function_of(call: Callable[..., Any] | Function, name: str, *, bound: bool = False) -> Function:
    """A Python function with the parameters that its annotations ask for; of a method, the first is the receiver.

    `str`, `int`, `float`, `bool`, sequences, mappings and classes with a `__gotype__` are checked before each call;
    any other annotation takes anything. `*args` takes any number; parameters with a default cannot be given.
    """
    if isinstance(call, Function):
        return call
    try:
        hints = typing.get_type_hints(call)
        parameters = list(inspect.signature(call).parameters.values())[bound:]
    except (NameError, TypeError, ValueError):
        return Function(name, call, (), ANYTHING)
    fixed: list[Parameter] = []
    rest = None
    for parameter in parameters:
        wanted = _parameter(hints.get(parameter.name, Any))
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = wanted
        elif parameter.default is parameter.empty and parameter.kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD:
            fixed.append(wanted)
    return Function(name, call, tuple(fixed), rest)


def _parameter(annotation: Any) -> Parameter:
    origin = typing.get_origin(annotation) or annotation
    if not isinstance(origin, type) or origin in (object, types.UnionType):
        return ANYTHING
    if hasattr(origin, "__gotype__"):
        return Parameter(origin.__gotype__, _kind_of(origin), origin)
    if origin is Sequence or issubclass(origin, (list, tuple)):
        element = typing.get_args(annotation)[:1]
        return Parameter("[]string" if element == (str,) else Kind.LIST.value, Kind.LIST)
    if issubclass(origin, Mapping):
        return Parameter(describe(origin).name, Kind.MAP)
    if origin in (bool, int, float, str):
        kind = describe(origin).kind
        return Parameter(kind.value, kind)
    return ANYTHING


def is_true(value: object) -> bool:
    """Whether a value is not the zero of its type; structs always are true."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return bool(value)
    known = go_type(value)
    return known.kind is Kind.STRUCT or known.kind is Kind.FUNC or len(value) > 0  # type: ignore[arg-type]


def encode(text: str) -> bytes:
    """The bytes that Go has where Python has a string."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """The inverse of `encode`."""
    return data.decode("utf-8", "surrogateescape")


def sorted_items(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The items of a map in the order in which Go prints and ranges: by key, keys of different kinds by kind."""
    try:
        return sorted(mapping.items(), key=lambda item: encode(item[0]) if type(item[0]) is str else item[0])
    except TypeError:
        order = list(Kind)
        return sorted(mapping.items(), key=lambda item: (order.index(go_type(item[0]).kind), repr(item[0])))
