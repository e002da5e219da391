"""The text part made from the html: blocks to lines, links as a label and the URL on a line of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from mailer import columns, links
from mailer.tags import FIELD_TAG, Shelter

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "figcaption",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_SPACED = frozenset(["blockquote", "h1", "h2", "h3", "h4", "ol", "p", "table", "ul"])
_HIDDEN = frozenset(["head", "script", "style", "title", "template"])
SHORT = 35  # characters: such a line needs no wrapping, whatever it holds
_BETWEEN = " ｜ "  # the cells of one row of a table that holds data
_GAP = re.compile(r"\n{3,}")
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def from_html(html: str, shelter: Shelter, numbered: links.Numbered) -> str:
    """Text of sheltered html whose hrefs are not yet rewritten; still sheltered, not yet wrapped."""
    reader = _Reader(shelter, numbered)
    reader.feed(html)
    reader.close()
    return "\n".join(reader.lines())


def laid_out(text: str, shelter: Shelter) -> str:
    """Lines of at most 35 full-width characters. A line that is one field, or one condition, goes when it
    is empty; a tag like {% if %} on a line of its own takes no line."""
    out: list[str] = []
    empty = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            empty += 1
            continue
        if out and empty:
            out.append("\n")
        empty = 0
        tags = [shelter.tag(match[1]) for match in shelter.word.finditer(line)]
        if shelter.word.fullmatch(line.strip()) and tags[0].startswith("{%"):
            out.append(line.strip())
            continue
        out.append(_ended(line, tags, shelter))
    return "".join(out)


def rewrapped(text: str) -> str:
    """A rendered text, its lines with values in them wrapped too; at most one empty line
    in a row, because an empty field leaves its neighbours' empty lines side by side."""
    return _GAP.sub("\n\n", wrapped(text)).strip("\n") + "\n"


def wrapped(text: str) -> str:
    """The same lines, long ones wrapped; URLs on lines of their own stay whole."""
    lines: list[str] = []
    for line in text.split("\n"):
        # 35 characters take at most 70 columns, so almost every line passes by its length alone.
        if len(line) <= SHORT or (len(line) <= columns.WIDTH and line.isascii()) or line.startswith("  http"):
            lines.append(line)
        else:
            lines += columns.wrapped(line)
    return "\n".join(lines)


def _ended(line: str, tags: list[str], shelter: Shelter) -> str:
    """The line, wrapped, with its line end, which belongs to the field where the line is nothing else."""
    word = shelter.word.fullmatch(line.strip())
    lone = FIELD_TAG.match(tags[0]) if word else None
    if lone is not None:
        return f"{shelter.keep(f'{{% if {lone[1]} %}}')}{line.strip()}\n{shelter.keep('{% endif %}')}"
    # How long a line with tags gets is known only with the recipient's values: see `rewrapped`.
    wrapped = (line.rstrip() if tags else "\n".join(columns.wrap(line.rstrip()))) + "\n"
    blocks = [tag for tag in tags if tag.startswith("{%")]
    words = list(shelter.word.finditer(wrapped))
    is_one_condition = (
        len(blocks) == 2 and tags[0] is blocks[0] and tags[-1] is blocks[1] and words[0].start() == 0
    )
    if is_one_condition and wrapped[words[-1].end() :] == "\n":
        return wrapped[: words[-1].start()] + "\n" + words[-1][0]
    return wrapped


class _Reader(HTMLParser):
    def __init__(self, shelter: Shelter, numbered: links.Numbered) -> None:
        super().__init__(convert_charrefs=True)
        self._shelter = shelter
        self._numbered = numbered
        self._lines: list[str] = []
        self._line = ""
        self._hidden: list[str] = []
        self._lists: list[int | None] = []
        self._tables: list[bool] = []
        self._href: str | None = None
        self._label = ""

    def lines(self) -> list[str]:
        """What was read."""
        self._end_line()
        return self._lines

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._hidden or tag in _HIDDEN or _is_hidden(values):
            if tag not in _VOID:
                self._hidden.append(tag)
            return
        if tag in ("td", "th") and self._tables and self._tables[-1]:
            self._line += _BETWEEN if self._line.strip() else ""
        elif tag in _BLOCKS:
            self._end_line(space=tag in _SPACED and not (tag in ("ol", "ul") and self._lists))
        if tag == "table":
            self._tables.append(_is_data(values))
        if tag == "br":
            self._end_line(force=True)
        elif tag == "hr":
            self._lines.append("-" * 40)
        elif tag in ("ol", "ul"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._line = self._bullet()
        elif tag == "img":
            self.handle_data(values.get("alt") or "")
        elif tag == "a" and values.get("href"):
            self._href, self._label = (values["href"] or "").strip(), ""

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                while self._hidden.pop() != tag:
                    pass
            return
        if tag == "a":
            self._end_link()
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        is_cell = tag in ("td", "th") and self._tables and self._tables[-1]
        if tag == "table" and self._tables:
            self._tables.pop()
        if tag in _BLOCKS and not is_cell:
            self._end_line(space=tag in _SPACED and not (tag in ("ol", "ul") and self._lists))

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        words = _BLANKS.sub(" ", data)
        if self._href is not None:
            self._label += words
        self._line += words if self._line.strip() else words.lstrip()

    def _bullet(self) -> str:
        """Nested lists stand one full-width blank further in; `laid_out` takes plain ones away."""
        indent = "　" * (len(self._lists) - 1)
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            return f"{indent}{number + 1}. "
        return f"{indent}・"

    def _end_link(self) -> None:
        href, label, self._href = self._href, self._label.strip(), None
        if not href or href.startswith("#"):
            return
        if links.fault(href) is None and not self._shelter.has_tag(href):
            if not links.is_tracked(href):
                shown = href.partition(":")[2].partition("?")[0]
                if shown not in label:
                    self._line = f"{self._line.rstrip()} ({shown})"
                return
            shown = self._shelter.keep(f"{{{{ link({self._numbered.number(href, label)}) }}}}")
        else:
            shown = href
        if label == href:  # the label is the URL itself: once is enough
            self._line = self._line.rstrip()[: -len(label)]
        self._end_line()
        self._lines.append(f"  {shown}")

    def _end_line(self, *, space: bool = False, force: bool = False) -> None:
        if self._line.strip() or force:
            self._lines.append(self._line.strip(" \t\r\n\f").removesuffix(_BETWEEN.rstrip()).rstrip())
        self._line = ""
        if space and self._lines and self._lines[-1]:
            self._lines.append("")


_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def _is_hidden(values: dict[str, str | None]) -> bool:
    style = (values.get("style") or "").replace(" ", "").lower()
    return "display:none" in style


def _is_data(values: dict[str, str | None]) -> bool:
    """A table of figures, whose cells belong on one line; not one that only places things."""
    return values.get("role") not in ("presentation", "none") and "cellspacing" not in values
