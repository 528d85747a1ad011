"""The templates of a configuration: the default ones, those of its files, and the inline ones of its receivers."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from obsflow.errors import ObsflowError, TemplateSyntaxError
from obsflow.gotemplate.templates import TemplateSet
from obsflow.gotemplate.times import Time
from obsflow.notify.data import KV, Api, Data
from obsflow.notify.default_templates import default_templates
from obsflow.notify.functions import build_functions
from obsflow.notify.route_labels import LabelResolver

_INLINE_CACHE = 1024
_NO_REASON = "unknown"  # what labels of a route see in place of the reason of a notification


class Templates:
    """Executes inline templates against a notification's data, as text and as HTML.

    Later definitions of a name replace earlier ones: the default templates come first, then `files` (their contents).
    Raises TemplateSyntaxError for a file that does not parse.
    """

    def __init__(self, files: Iterable[str] = (), *, api: Api = "0.34") -> None:
        self._now = Time()
        self._route_label: Callable[[str], str] = lambda _: ""
        sources = (default_templates(api), *files)
        self._text = self._build(sources, html=False)
        self._html = self._build(sources, html=True)
        self._parse_text = functools.lru_cache(_INLINE_CACHE)(lambda text: self._text.clone().parse(text))
        self._parse_html = functools.lru_cache(_INLINE_CACHE)(lambda text: self._html.clone().parse(text))

    def _build(self, sources: Sequence[str], *, html: bool) -> TemplateSet:
        templates = TemplateSet(build_functions(lambda: self._now, self._find_route_label), html=html)
        for source in sources:
            templates.parse(source)
        return templates

    def _find_route_label(self, name: str) -> str:
        return self._route_label(name)  # which changes from one notification to the next

    def at(self, time: int) -> None:
        """Sets the time that the function `now` gives, in ms."""
        self._now = Time.from_ms(time)

    def render_text(self, text: str, data: Data) -> str:
        """What an inline template gives. Raises TemplateSyntaxError or TemplateError."""
        if not text:
            return ""
        self._route_label = lambda name: data.route_labels.get(name, "")
        return self._parse_text(text).execute(data)

    def route_label_resolver(self, labels: Mapping[str, str], data: Data) -> LabelResolver:
        """Renders the labels of a route, which are templates themselves and see each other unrendered."""
        seen = attrs.evolve(data, notification_reason=_NO_REASON, route_labels=KV(labels))

        def execute(text: str) -> str:
            self._route_label = resolver
            return self._parse_text(text).execute(seen) if text else ""

        resolver = LabelResolver(labels, execute)
        return resolver

    def render_route_labels(self, labels: Mapping[str, str], data: Data) -> KV:
        """The labels of a route as the notification's templates see them; one that fails is not among them."""
        resolver = self.route_label_resolver(labels, data)
        rendered = KV()
        for name in labels:
            try:
                rendered[name] = resolver(name)
            except ObsflowError:  # a page without its label is better than none
                continue
        return rendered

    def render_html(self, text: str, data: Data) -> str:
        """What an inline template gives as part of a page, its values escaped. Raises as `render_text` does."""
        if not text:
            return ""
        self._route_label = lambda name: data.route_labels.get(name, "")
        return self._parse_html(text).execute(data)


@functools.cache
def _checker() -> TemplateSet:
    return TemplateSet(build_functions(Time, str))


def check_template(text: str) -> TemplateSyntaxError | None:
    """What is wrong with an inline template, if it does not parse. Names of other templates are not looked up."""
    try:
        _checker().clone().parse(text)
    except TemplateSyntaxError as error:
        return error
    return None
