"""The syntax tree of the Go template language. `pos` is a character offset in the text a node was parsed from."""

import attrs

from obsflow.model.labels import quote


@attrs.frozen
class Field:
    """`.A.B`: fields or methods, from dot on."""

    names: tuple[str, ...]
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@attrs.frozen
class Variable:
    """`$x.A.B`: a variable (its name with the dollar) and the fields or methods taken from it."""

    name: str
    names: tuple[str, ...]
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return ".".join((self.name, *self.names))


@attrs.frozen
class Chain:
    """`(pipeline).A.B`: fields or methods of a value that is neither dot nor a variable."""

    operand: "Operand"
    names: tuple[str, ...]
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        inner = f"({self.operand})" if isinstance(self.operand, Pipeline) else str(self.operand)
        return inner + "".join(f".{name}" for name in self.names)


@attrs.frozen
class Identifier:
    """The name of a function."""

    name: str
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Dot:
    """`.`, the cursor."""

    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return "."


@attrs.frozen
class Nil:
    """The untyped nil."""

    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return "nil"


@attrs.frozen
class Bool:
    """`true` or `false`."""

    value: bool
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return "true" if self.value else "false"


@attrs.frozen
class Number:
    """A constant, which is an integer, a float or both; `value` is what it is where nothing asks for a type."""

    text: str
    integer: int | None
    float_: float | None
    value: int | float
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return self.text


@attrs.frozen
class String:
    """A string, unescaped; `quoted` is how it was written."""

    value: str
    quoted: str
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return self.quoted


@attrs.frozen
class Command:
    """A value, or a function or method with its arguments: operands side by side."""

    operands: "tuple[Operand, ...]"
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, Pipeline) else str(node) for node in self.operands)


@attrs.frozen
class Pipeline:
    """Commands, each given the value of the one before as its last argument; the value may go to variables."""

    declared: tuple[Variable, ...]
    assigns: bool  # `=` instead of `:=`
    commands: tuple[Command, ...]
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        value = " | ".join(map(str, self.commands))
        if not self.declared:
            return value
        return f"{', '.join(map(str, self.declared))} {'=' if self.assigns else ':='} {value}"


Operand = Field | Variable | Chain | Identifier | Dot | Nil | Bool | Number | String | Pipeline


@attrs.frozen
class Text:
    """Text between actions, as it is written out."""

    text: str
    pos: int = attrs.field(eq=False)


@attrs.frozen
class Action:
    """`{{pipeline}}`."""

    pipeline: Pipeline
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        return f"{{{{{self.pipeline}}}}}"


@attrs.frozen
class If:
    """`{{if pipeline}} body {{else}} orelse {{end}}`."""

    pipeline: Pipeline
    body: "tuple[Node, ...]"
    orelse: "tuple[Node, ...]"
    pos: int = attrs.field(eq=False)


@attrs.frozen
class With:
    """`{{with pipeline}} body {{else}} orelse {{end}}`: dot is the value inside the body."""

    pipeline: Pipeline
    body: "tuple[Node, ...]"
    orelse: "tuple[Node, ...]"
    pos: int = attrs.field(eq=False)


@attrs.frozen
class Range:
    """`{{range pipeline}} body {{else}} orelse {{end}}`: dot is each element in turn."""

    pipeline: Pipeline
    body: "tuple[Node, ...]"
    orelse: "tuple[Node, ...]"
    pos: int = attrs.field(eq=False)


@attrs.frozen
class Break:
    """`{{break}}`."""

    pos: int = attrs.field(eq=False)


@attrs.frozen
class Continue:
    """`{{continue}}`."""

    pos: int = attrs.field(eq=False)


@attrs.frozen
class Call:
    """`{{template "name" pipeline}}`; dot is nil inside when there is no pipeline."""

    name: str
    pipeline: Pipeline | None
    pos: int = attrs.field(eq=False)

    def __str__(self) -> str:
        argument = "" if self.pipeline is None else f" {self.pipeline}"
        return f"{{{{template {quote(self.name)}{argument}}}}}"


Node = Text | Action | If | With | Range | Break | Continue | Call


@attrs.frozen
class Definition:
    """A named template: its body, and the text it came from (`source`, known to errors as `origin`).

    `variables` are those that the caller supplies besides `$`.
    """

    name: str
    body: tuple[Node, ...]
    source: str = attrs.field(repr=False)
    origin: str
    variables: tuple[str, ...] = ()

    def position(self, pos: int) -> tuple[int, int]:
        """Line from 1, and column in bytes from 0, as Go counts them."""
        before = self.source[:pos]
        line_start = before.rfind("\n") + 1
        return before.count("\n") + 1, len(before[line_start:].encode("utf-8", "surrogatepass"))

    @property
    def is_blank(self) -> bool:
        """Whether the body is nothing but white space; such a template does not replace another."""
        return all(isinstance(node, Text) and not node.text.strip() for node in self.body)
