"""What the attributes of HTML hold."""

import enum


class Content(enum.Enum):
    """What an attribute's value is read as. UNSAFE ones are plain where written, but not to be named by data."""

    PLAIN = "attrNone"
    URL = "attrURL"
    SRCSET = "attrSrcset"
    CSS = "attrStyle"
    JS = "attrScript"
    SCRIPT_TYPE = "attrScriptType"
    HTML = "attrHTML"
    UNSAFE = "attrUnsafe"


_URLS = (
    "action archive background cite classid codebase data formaction href icon longdesc manifest poster profile src "
    "usemap xmlns"
)
_UNSAFE = (
    "accept-charset async challenge charset content crossorigin defer enctype form formenctype formmethod "
    "formnovalidate http-equiv keytype language method novalidate pattern rel sandbox type value"
)
_KNOWN = {
    **dict.fromkeys(_URLS.split(), Content.URL),
    **dict.fromkeys(_UNSAFE.split(), Content.UNSAFE),
    "srclang": Content.PLAIN,
    "srcdoc": Content.HTML,
    "srcset": Content.SRCSET,
    "style": Content.CSS,
}


def content_of_attribute(name: str) -> Content:
    """What the attribute of that name, in lower case, holds; names that look like a URL's are taken for one."""
    if name.startswith("data-"):
        name = name[5:]
    elif ":" in name:
        prefix, name = name.split(":", 1)
        if prefix == "xmlns":
            return Content.URL
    if name in _KNOWN:
        return _KNOWN[name]
    if name.startswith("on"):
        return Content.JS
    return Content.URL if any(part in name for part in ("src", "uri", "url")) else Content.PLAIN
