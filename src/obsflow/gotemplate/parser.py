"""Tokens into trees, with the checks that Go makes at parse time: functions and variables must be known."""

from collections.abc import Callable, Container, Iterable

from obsflow.errors import TemplateSyntaxError
from obsflow.gotemplate import ast
from obsflow.gotemplate.lexer import Token, TokenKind, tokenize
from obsflow.gotemplate.literals import parse_number, unquote
from obsflow.model.labels import quote

MAX_NESTING = 100
"""How deep control structures and parentheses may nest."""

_OPERANDS = frozenset(
    (
        TokenKind.BOOL,
        TokenKind.DOT,
        TokenKind.FIELD,
        TokenKind.IDENTIFIER,
        TokenKind.LEFT_PAREN,
        TokenKind.NIL,
        TokenKind.NUMBER,
        TokenKind.STRING,
        TokenKind.VARIABLE,
    )
)
_CONSTANTS = ast.Bool | ast.Dot | ast.Nil | ast.Number | ast.String
_LEAVES: dict[TokenKind, Callable[[Token], ast.Operand]] = {
    TokenKind.DOT: lambda token: ast.Dot(token.pos),
    TokenKind.NIL: lambda token: ast.Nil(token.pos),
    TokenKind.BOOL: lambda token: ast.Bool(token.text == "true", token.pos),
    TokenKind.FIELD: lambda token: ast.Field((token.text[1:],), token.pos),
}
_BLOCKS: dict[str, type[ast.If | ast.With | ast.Range]] = {"if": ast.If, "with": ast.With, "range": ast.Range}


def parse(
    source: str, name: str, functions: Container[str], variables: Iterable[str] = (), start: int = 0
) -> tuple[ast.Definition, ...]:
    """The templates that the text defines from offset `start` on; the last is the text itself, under `name`.

    `variables` are names, with their dollar, that the text may use without declaring them. Raises TemplateSyntaxError.
    """
    parser = _Parser(source, name, functions, start)
    try:
        return parser.parse(tuple(variables))
    except RecursionError:
        raise TemplateSyntaxError("nested too deeply", source, (0, len(source)), name) from None


class _Parser:
    """Recursive descent over the tokens, one token at a time."""

    def __init__(self, source: str, name: str, functions: Container[str], start: int) -> None:
        self._source = source
        self._name = name
        self._functions = functions
        self._tokens = list(tokenize(source, start))
        self._index = 0
        self._variables: list[str] = ["$"]
        self._loops = 0
        self._nesting = 0
        self._definitions: dict[str, ast.Definition] = {}

    def parse(self, variables: tuple[str, ...]) -> tuple[ast.Definition, ...]:
        self._variables += variables
        body: list[ast.Node] = []
        while self._token.kind is not TokenKind.EOF:
            if self._token.kind is TokenKind.LEFT_DELIM and self._after_space(self._index + 1).text == "define":
                self._index += 1
                self._next()
                self._definition()
                continue
            item = self._item()
            if isinstance(item, str):
                raise self._error(f"unexpected {{{{{item}}}}}", self._last)
            body.append(item)
        self._add(ast.Definition(self._name, tuple(body), self._source, self._name, variables))
        return tuple(self._definitions.values())

    def _add(self, definition: ast.Definition) -> None:
        known = self._definitions.pop(definition.name, None)
        if known is not None and not known.is_blank:
            if not definition.is_blank:
                raise self._error(f"multiple definition of template {quote(definition.name)}", self._last)
            definition = known
        self._definitions[definition.name] = definition

    # Tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _after_space(self, index: int) -> Token:
        return self._tokens[index + (self._tokens[index].kind is TokenKind.SPACE)]

    def _skip_space(self) -> Token:
        """The next token that is not space; it is not consumed."""
        while self._token.kind is TokenKind.SPACE:
            self._index += 1
        return self._token

    def _next(self) -> Token:
        """The next token that is not space, consumed."""
        token = self._skip_space()
        if token.kind not in (TokenKind.EOF, TokenKind.ERROR):
            self._index += 1
        return token

    @property
    def _last(self) -> Token:
        """The token consumed last."""
        return self._tokens[max(self._index - 1, 0)]

    def _error(self, message: str, token: Token) -> TemplateSyntaxError:
        end = min(max(token.end, token.pos), len(self._source))
        return TemplateSyntaxError(message, self._source, (token.pos, end), self._name)

    def _unexpected(self, token: Token, context: str) -> TemplateSyntaxError:
        if token.kind is TokenKind.ERROR:
            return self._error(token.text, token)
        return self._error(f"unexpected {token} in {context}", token)

    def _expect(self, kind: TokenKind, context: str) -> Token:
        token = self._next()
        if token.kind is not kind:
            raise self._unexpected(token, context)
        return token

    def _descend(self) -> None:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self._error(f"nested too deeply: more than {MAX_NESTING} levels", self._last)

    # Text and control

    def _item(self) -> ast.Node | str:
        """A text or an action; `else` and `end` are returned as words."""
        token = self._next()
        if token.kind is TokenKind.TEXT:
            return ast.Text(token.text, token.pos)
        if token.kind is not TokenKind.LEFT_DELIM:
            raise self._unexpected(token, "input")
        token = self._skip_space()
        if token.kind is not TokenKind.KEYWORD:
            return ast.Action(self._pipeline("command"), token.pos)
        self._next()
        return self._keyword(token)

    def _keyword(self, token: Token) -> ast.Node | str:
        word = token.text
        if word in _BLOCKS:
            return self._block(word)
        if word in ("template", "block"):
            return self._call(word)
        if word in ("break", "continue"):
            self._expect(TokenKind.RIGHT_DELIM, f"{{{{{word}}}}}")
            if not self._loops:
                raise self._error(f"{{{{{word}}}}} outside {{{{range}}}}", token)
            return ast.Break(token.pos) if word == "break" else ast.Continue(token.pos)
        if word == "define":
            raise self._unexpected(token, "command")
        following = self._skip_space()
        if word == "end" or not (following.kind is TokenKind.KEYWORD and following.text in ("if", "with")):
            self._expect(TokenKind.RIGHT_DELIM, word)
        return word

    def _body(self) -> tuple[tuple[ast.Node, ...], str]:
        """Everything up to an `else` or `end`, and which of them it is."""
        nodes: list[ast.Node] = []
        while self._skip_space().kind is not TokenKind.EOF:
            item = self._item()
            if isinstance(item, str):
                return tuple(nodes), item
            nodes.append(item)
        raise self._error("unexpected EOF", self._token)

    def _block(self, word: str) -> ast.Node:
        """`if`, `with` or `range`, the word being consumed."""
        self._descend()
        mark = len(self._variables)
        pipeline = self._pipeline(word)
        self._loops += word == "range"
        body, end = self._body()
        self._loops -= word == "range"
        orelse: tuple[ast.Node, ...] = ()
        if end == "else":
            following = self._skip_space()
            if word != "range" and following.kind is TokenKind.KEYWORD and following.text == word:
                self._next()
                orelse = (self._block(word),)
            else:
                orelse, end = self._body()
                if end != "end":
                    raise self._error("expected end; found {{else}}", self._last)
        del self._variables[mark:]
        self._nesting -= 1
        return _BLOCKS[word](pipeline, body, orelse, pipeline.pos)

    def _definition(self) -> None:
        """`define`, the word being consumed."""
        name = self._template_name(self._expect(TokenKind.STRING, "define clause"))
        self._expect(TokenKind.RIGHT_DELIM, "define clause")
        self._define(name, "define clause")

    def _define(self, name: str, context: str) -> None:
        """The body of a template, which sees no variable but `$`."""
        self._descend()
        variables, self._variables = self._variables, ["$"]
        loops, self._loops = self._loops, 0
        body, end = self._body()
        self._variables, self._loops = variables, loops
        self._nesting -= 1
        if end != "end":
            raise self._error(f"unexpected {{{{{end}}}}} in {context}", self._last)
        self._add(ast.Definition(name, body, self._source, self._name))

    def _template_name(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self._error(str(error), token) from None

    def _call(self, word: str) -> ast.Call:
        """`template` or `block`, the word being consumed."""
        context = f"{word} clause"
        token = self._next()
        if token.kind is not TokenKind.STRING:
            raise self._unexpected(token, context)
        name = self._template_name(token)
        pipeline = None
        if word == "block":
            pipeline = self._pipeline(context)
            self._define(name, context)
        elif self._skip_space().kind is TokenKind.RIGHT_DELIM:
            self._next()
        else:
            pipeline = self._pipeline(context)
        return ast.Call(name, pipeline, token.pos)

    # Pipelines

    def _pipeline(self, context: str, end: TokenKind = TokenKind.RIGHT_DELIM) -> ast.Pipeline:
        """A pipeline and the token that ends it."""
        pos = self._skip_space().pos
        declared, assigns = self._declarations(context)
        commands: list[ast.Command] = []
        while (token := self._skip_space()).kind in _OPERANDS:
            commands.append(self._command())
        if token.kind is not end:
            raise self._unexpected(token, context)
        self._next()
        if not commands:
            raise self._error(f"missing value for {context}", token)
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], _CONSTANTS):
                raise self._error(f"non executable command in pipeline stage {stage}", token)
        return ast.Pipeline(declared, assigns, tuple(commands), pos)

    def _declarations(self, context: str) -> tuple[tuple[ast.Variable, ...], bool]:
        """`$x :=`, `$x =` or, in a range, `$i, $x :=`."""
        declared: list[ast.Variable] = []
        while (token := self._skip_space()).kind is TokenKind.VARIABLE:
            following = self._after_space(self._index + 1)
            if following.kind not in (TokenKind.ASSIGN, TokenKind.DECLARE, TokenKind.COMMA):
                break
            self._next()
            self._next()
            declared.append(ast.Variable(token.text, (), token.pos))
            self._variables.append(token.text)
            if following.kind is not TokenKind.COMMA:
                return tuple(declared), following.kind is TokenKind.ASSIGN
            if context != "range" or len(declared) > 1:
                raise self._error(f"too many declarations in {context}", following)
            if self._skip_space().kind not in (TokenKind.VARIABLE, TokenKind.RIGHT_DELIM, TokenKind.RIGHT_PAREN):
                raise self._error("range can only initialize variables", self._token)
        return tuple(declared), False

    def _command(self) -> ast.Command:
        """Operands up to a bar, which is consumed, or to the end of the pipeline, which is not."""
        pos = self._skip_space().pos
        operands: list[ast.Operand] = []
        while True:
            self._skip_space()
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            token = self._token
            if token.kind is TokenKind.SPACE:
                continue
            if token.kind is TokenKind.PIPE:
                self._next()
            elif token.kind not in (TokenKind.RIGHT_DELIM, TokenKind.RIGHT_PAREN):
                raise self._unexpected(token, "operand")
            break
        if not operands:
            raise self._error("empty command", self._last)
        return ast.Command(tuple(operands), pos)

    def _operand(self) -> ast.Operand | None:
        """A term and the fields taken from it; None where no term starts."""
        node = self._term()
        pos = self._token.pos
        names: list[str] = []
        while self._token.kind is TokenKind.FIELD:
            names.append(self._next().text[1:])
        if node is None or not names:
            return node
        if isinstance(node, ast.Field):
            return ast.Field((*node.names, *names), pos)
        if isinstance(node, ast.Variable):
            return ast.Variable(node.name, (*node.names, *names), pos)
        if isinstance(node, _CONSTANTS):
            raise self._error(f"unexpected . after term {quote(str(node))}", self._last)
        return ast.Chain(node, tuple(names), pos)

    def _term(self) -> ast.Operand | None:
        token = self._skip_space()
        if token.kind not in _OPERANDS:
            return None
        self._next()
        text, pos = token.text, token.pos
        if token.kind in _LEAVES:
            return _LEAVES[token.kind](token)
        if token.kind is TokenKind.IDENTIFIER:
            if text not in self._functions:
                raise self._error(f"function {quote(text)} not defined", token)
            return ast.Identifier(text, pos)
        if token.kind is TokenKind.VARIABLE:
            if text not in self._variables:
                raise self._error(f"undefined variable {quote(text)}", token)
            return ast.Variable(text, (), pos)
        if token.kind is TokenKind.LEFT_PAREN:
            self._descend()
            pipeline = self._pipeline("parenthesized pipeline", TokenKind.RIGHT_PAREN)
            self._nesting -= 1
            return pipeline
        return self._constant(token)

    def _constant(self, token: Token) -> ast.Operand:
        """A number, a character or a string."""
        try:
            if token.kind is TokenKind.NUMBER:
                return ast.Number(token.text, *parse_number(token.text), token.pos)
            return ast.String(unquote(token.text), token.text, token.pos)
        except ValueError as error:
            raise self._error(str(error), token) from None
