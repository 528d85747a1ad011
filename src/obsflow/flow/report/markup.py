"""HTML and SVG as nested elements in which every text that is not markup itself is escaped."""

import html
import re
from collections.abc import Iterable
from typing import Final

import attrs

_VOID: Final = frozenset({"meta", "br", "input"})
_LEAVES: Final = frozenset({"rect", "path", "line"})
"""Elements of SVG that may close themselves."""
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What neither XML nor a file in UTF-8 may hold."""


@attrs.frozen
class Markup:
    """A text that is markup already."""

    text: str


Child = Markup | str | None
Content = Child | Iterable["Content"]


def escape(text: str) -> str:
    """The text for an element or a quoted attribute; characters that no document may hold become U+FFFD."""
    return html.escape(_FORBIDDEN.sub("\ufffd", text))


def element(tag: str, *children: Content, **attributes: object) -> Markup:
    """One element.

    `class_` is `class`, other underscores are hyphens. An attribute that is None or False is left out, and one that is
    True stands alone in HTML's sense.
    """
    head = tag
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        text = "" if value is True else escape(str(value))
        head += f' {name.rstrip("_").replace("_", "-")}="{text}"'
    if tag in _VOID:
        return Markup(f"<{head}>")
    inner = join(*children).text
    return Markup(f"<{head}/>" if tag in _LEAVES and not inner else f"<{head}>{inner}</{tag}>")


def join(*children: Content) -> Markup:
    """One after the other, texts escaped; None is nothing."""
    out = []
    for child in children:
        match child:
            case None:
                pass
            case Markup(text=text):
                out.append(text)
            case str():
                out.append(escape(child))
            case _:
                out.append(join(*child).text)
    return Markup("".join(out))


def table(
    head: Iterable[Child], rows: Iterable[Iterable[Child]], *, caption: str = "", numeric: Iterable[int] = ()
) -> Markup:
    """A table whose first column heads its rows. Columns of the indices `numeric` are set to the right."""
    right = frozenset(numeric)

    def cell(tag: str, at: int, content: Child, scope: str | None = None) -> Markup:
        return element(tag, content, scope=scope, class_="n" if at in right else None)

    top = element("tr", [cell("th", i, each, "col") for i, each in enumerate(head)])
    body = [
        element("tr", [cell("td", i, each) if i else cell("th", i, each, "row") for i, each in enumerate(row)])
        for row in rows
    ]
    title = element("caption", caption) if caption else None
    return element(
        "div", element("table", title, element("thead", top), element("tbody", body)), class_="scroll", tabindex="0"
    )


def cut_off(count: int, shown: int, what: str) -> Markup | None:
    """What a list says below itself where it does not hold all."""
    return element("p", f"and {count - shown:,} more {what}", class_="note") if count > shown else None
