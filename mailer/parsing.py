"""Reading a raw mail that anyone may have written: never raises, keeps what can be read.

The standard parser is used with compat32, whose headers stay strings: the newer policies raise on
some malformed addresses and dates.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header
from email.message import Message
from html.parser import HTMLParser

_CHARSETS = {
    # cp932 and iso2022_jp_ext know the signs (circled digits, ㈱) that the strict codecs refuse.
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "euc-jp": "euc_jis_2004",
    "gb2312": "gb18030",
    "ks_c_5601-1987": "cp949",
    "us-ascii": "utf-8",
    "unknown-8bit": "utf-8",
}
_GUESSES = ("utf-8", "iso2022_jp_ext", "cp932", "euc_jp")
_WORD_GAP = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_PARTS_MAX = 200
# Decoding RFC 2047 words costs the square of their number; no honest header is longer.
_HEADER_MAX = 20_000
_HTML_MAX = 500_000
_OPEN_TAG = re.compile(r"<(?![^<>]{0,4000}>)")


def mail(raw: bytes) -> Message:
    """The mail, whatever its state."""
    try:
        return email.message_from_bytes(raw, policy=email.policy.compat32)
    except Exception:
        return Message()


def headers(message: Message) -> tuple[tuple[str, str], ...]:
    """Every header, decoded, in order."""
    return tuple((name, _decoded(value)) for name, value in message.raw_items())


def header(message: Message, name: str) -> str:
    """The first header of a name, decoded to one line; "" when there is none."""
    wanted = name.lower()
    # raw_items, because get() has already replaced raw 8-bit octets by question marks.
    value = next((value for key, value in message.raw_items() if key.lower() == wanted), None)
    return "" if value is None else _decoded(value)


def parts(message: Message) -> list[Message]:
    """The leaves and the report parts, outermost first."""
    found: list[Message] = []
    try:
        for part in message.walk():
            found.append(part)
            if len(found) >= _PARTS_MAX:
                break
    except Exception:
        return found
    return found


def body(message: Message, subtype: str) -> str | None:
    """The first text part of a subtype ("plain", "html") that is no attachment."""
    for part in parts(message):
        if part.is_multipart() or _disposition(part) == "attachment":
            continue
        if content_type(part) == f"text/{subtype}":
            return text_of(part)
    return None


def text_of(part: Message) -> str:
    """The text of one part: transfer encoding undone, charset believed only if it fits."""
    try:
        payload = part.get_payload(decode=True)
    except Exception:
        payload = None
    octets = payload if isinstance(payload, bytes) else b""
    try:
        named = part.get_content_charset() or ""
    except Exception:
        named = ""
    return decode(octets, named).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def decode(octets: bytes, charset: str = "") -> str:
    """Octets as text: the named charset, then the usual Japanese ones, then UTF-8 with replacements."""
    if b"\x1b$" in octets or b"\x1b(" in octets:
        return _from_jis(octets)
    named = charset.strip().strip("\"'").lower()
    tries = (_CHARSETS.get(named, named), *_GUESSES) if named else _GUESSES
    for name in tries:
        try:
            return octets.decode(name)
        except (UnicodeError, LookupError, ValueError):
            continue
    return octets.decode("utf-8", "replace")


def _from_jis(octets: bytes) -> str:
    """ISO-2022-JP as it is really sent: with the vendor rows (㈱, circled digits, 髙) the codecs refuse.

    Each two-byte JIS code is moved to its cp932 place, which knows those rows.
    """
    out: list[str] = []
    for piece in re.split(rb"(?=\x1b[$(])", octets):
        mark, rest = (piece[:3], piece[3:]) if piece.startswith(b"\x1b") else (b"", piece)
        if mark in (b"\x1b$B", b"\x1b$@"):
            # A line end is legal only outside; some senders forget to switch back.
            for line in re.split(rb"([\r\n]+)", rest):
                out.append(_cp932(line) if line[:1] not in (b"\r", b"\n") else line.decode("ascii"))
        elif mark == b"\x1b(I":
            out.append(bytes(b | 0x80 if b > 0x20 else b for b in rest).decode("cp932", "replace"))
        elif mark == b"\x1b$(":
            out.append((mark + rest + b"\x1b(B").decode("iso2022_jp_ext", "replace"))
        else:
            out.append(rest.decode("utf-8", "replace"))
    return "".join(out)


def _cp932(jis: bytes) -> str:
    moved = bytearray()
    for first, second in zip(jis[::2], jis[1::2], strict=False):
        lead = ((first - 0x21) >> 1) + (0x81 if first < 0x5F else 0xC1)
        odd = second + (0x1F if second < 0x60 else 0x20)
        trail = odd if first & 1 else second + 0x7E
        moved += bytes((lead & 0xFF, trail & 0xFF))
    return moved.decode("cp932", "replace")


def content_type(part: Message) -> str:
    """`text/plain`, lower case; the standard default for a broken one."""
    try:
        return part.get_content_type()
    except Exception:
        return "text/plain"


def plain(html: str) -> str:
    """A crude text of somebody else's HTML, for reading and for matching words."""
    reader = _Plain()
    try:
        reader.feed(_wellformed(html[:_HTML_MAX]))
        reader.close()
    except Exception:
        return "".join(reader.out)
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.out)).strip()


def _wellformed(html: str) -> str:
    """Without comments and without tags that never end: the standard parser is quadratic on those."""
    first, *rest = html.split("<!--")
    shown = [first, *(piece.partition("-->")[2] for piece in rest)]
    return _OPEN_TAG.sub("&lt;", "".join(shown))


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden += 1
        elif tag in ("br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "blockquote"):
            self.out.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.out.append(data)


def _decoded(value: object) -> str:
    """RFC 2047 words as text, on one line. Raw 8-bit headers are guessed."""
    text = (str(value) if not isinstance(value, str) else value)[:_HEADER_MAX]
    octets = text.encode("utf-8", "surrogateescape")
    if not octets.isascii() or b"\x1b" in octets:
        text = decode(octets)
    try:
        pieces = decode_header(_WORD_GAP.sub(r"\1", _FOLD.sub(" ", text)))
        text = _joined(pieces)
    except Exception:
        text = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.replace("\0", "").split())


def _joined(pieces: list[tuple[bytes | str, str | None]]) -> str:
    """Neighbours of one charset are joined as octets first: some senders split inside a character."""
    out: list[str] = []
    held, held_charset = b"", ""
    for piece, charset in pieces:
        if isinstance(piece, str):
            out.append(piece)
            continue
        name = (charset or "").lower()
        if held and name != held_charset:
            out.append(decode(held, held_charset))
            held = b""
        held, held_charset = held + piece, name
    if held:
        out.append(decode(held, held_charset))
    return "".join(out)


def _disposition(part: Message) -> str:
    try:
        return part.get_content_disposition() or ""
    except Exception:
        return ""
