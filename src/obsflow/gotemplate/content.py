"""Texts that are trusted to be what they say, and so are not escaped where that is what is wanted."""

from typing import ClassVar


class HTML(str):
    """A fragment of HTML."""

    __slots__ = ()
    __gotype__: ClassVar[str] = "template.HTML"


class URL(str):
    """A URL or a part of one."""

    __slots__ = ()
    __gotype__: ClassVar[str] = "template.URL"
