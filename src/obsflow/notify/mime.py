"""MIME as Go's standard library writes it: quoted-printable bodies, encoded words in headers, multipart framing."""

from collections.abc import Iterable, Mapping

_LINE = 76  # RFC 2045 6.7: characters in an encoded line, without the line break
_WORD_CONTENT = 75 - len("=?utf-8?q?") - len("?=")  # RFC 2047 2
_CRLF = "\r\n"


def encode_quoted_printable(text: str) -> str:
    """`text` as UTF-8 in quoted-printable. Line breaks of any kind become CRLF; none is added at the end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _CRLF.join(_encode_line(line.encode("utf-8", "replace")) for line in lines)


def _encode_line(line: bytes) -> str:
    out: list[str] = []
    width = 0
    for i, byte in enumerate(line):
        is_last_blank = byte in b" \t" and i == len(line) - 1
        token = chr(byte) if (0x20 <= byte <= 0x7E and byte != 0x3D) or byte == 0x09 else f"={byte:02X}"
        if width + len(token) > _LINE - 1:
            out.append("=" + _CRLF)
            width = 0
        if is_last_blank:
            token = f"={byte:02X}"
            if width + len(token) > _LINE - 1:
                out.append("=" + _CRLF)
                width = 0
        out.append(token)
        width += len(token)
    return "".join(out)


def encode_header(value: str) -> str:
    """A header's value: as it is if it is printable ASCII, otherwise as RFC 2047 encoded words (`q`)."""
    if all(" " <= c <= "~" or c == "\t" for c in value):
        return value
    words = [""]
    width = 0
    for c in value:
        token = _encode_word_char(c)
        if width + len(token) > _WORD_CONTENT:
            words.append("")
            width = 0
        words[-1] += token
        width += len(token)
    return " ".join(f"=?utf-8?q?{word}?=" for word in words)


def _encode_word_char(c: str) -> str:
    if c == " ":
        return "_"
    if "!" <= c <= "~" and c not in "=?_":
        return c
    return "".join(f"={byte:02X}" for byte in c.encode("utf-8", "replace"))


def render_multipart(boundary: str, parts: Iterable[tuple[Mapping[str, str], str]]) -> str:
    """The parts (their headers, in the order in which to write them, and encoded bodies) between boundary lines."""
    out: list[str] = []
    for headers, body in parts:
        out += (f"{_CRLF if out else ''}--{boundary}{_CRLF}", *(f"{k}: {v}{_CRLF}" for k, v in headers.items()))
        out += (_CRLF, body)
    return f"{''.join(out)}{_CRLF}--{boundary}--{_CRLF}"
