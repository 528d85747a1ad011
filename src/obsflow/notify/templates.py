"""The templates of a configuration: the default ones, those of its files, and the inline ones of its receivers."""

import functools
from collections.abc import Iterable, Sequence

from obsflow.errors import TemplateSyntaxError
from obsflow.gotemplate.templates import TemplateSet
from obsflow.gotemplate.times import Time
from obsflow.notify.data import Api, Data
from obsflow.notify.default_templates import default_templates
from obsflow.notify.functions import build_functions

_INLINE_CACHE = 1024


class Templates:
    """Executes inline templates against a notification's data, as text and as HTML.

    Later definitions of a name replace earlier ones: the default templates come first, then `files` (their contents).
    Raises TemplateSyntaxError for a file that does not parse.
    """

    def __init__(self, files: Iterable[str] = (), *, api: Api = "0.34") -> None:
        self._now = Time()
        sources = (default_templates(api), *files)
        self._text = self._build(sources, html=False)
        self._html = self._build(sources, html=True)
        self._parse_text = functools.lru_cache(_INLINE_CACHE)(lambda text: self._text.clone().parse(text))
        self._parse_html = functools.lru_cache(_INLINE_CACHE)(lambda text: self._html.clone().parse(text))

    def _build(self, sources: Sequence[str], *, html: bool) -> TemplateSet:
        templates = TemplateSet(build_functions(lambda: self._now), html=html)
        for source in sources:
            templates.parse(source)
        return templates

    def at(self, time: int) -> None:
        """Sets the time that the function `now` gives, in ms."""
        self._now = Time.from_ms(time)

    def render_text(self, text: str, data: Data) -> str:
        """What an inline template gives. Raises TemplateSyntaxError or TemplateError."""
        return self._parse_text(text).execute(data) if text else ""

    def render_html(self, text: str, data: Data) -> str:
        """What an inline template gives as part of a page, its values escaped. Raises as `render_text` does."""
        return self._parse_html(text).execute(data) if text else ""


@functools.cache
def _checker() -> TemplateSet:
    return TemplateSet(build_functions(Time))


def check_template(text: str) -> TemplateSyntaxError | None:
    """What is wrong with an inline template, if it does not parse. Names of other templates are not looked up."""
    try:
        _checker().clone().parse(text)
    except TemplateSyntaxError as error:
        return error
    return None
