"""The Jinja that marketers write in: values, conditions and a few filters, nothing that can run away.

What a template may contain is a list of allowed syntax nodes, not a list of forbidden words: no calls,
no attributes, no arithmetic, no macros, no includes, and loops only over lists the caller names, never
one within another. Length, number of tags, depth and filters in a row have limits of their own, so the
work of one render is at most `TAGS_MAX` values before any sandbox is asked; what comes out is counted
while it comes and cut off at `OUTPUT_MAX`. Parsing an author's source has no such bound by itself and
happens in `press`, in a process with a time limit.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from mailer.errors import TemplateError

SOURCE_MAX = 200_000  # characters of one template
TAGS_MAX = 2_000  # tags of one template; 2,000 compile in about half a second, a real mail has 30
NODES_MAX = 20_000
DEPTH_MAX = 30  # nodes inside nodes; CPython itself gives up at 20 nested blocks of some kinds
FILTERS_MAX = 5  # filters in a row on one value
LOOP_MAX = 200  # turns of one loop
OUTPUT_MAX = 1_000_000  # characters of one rendered part; a mail of more is refused by many servers
FILTERS = frozenset({"default", "d", "e", "escape", "trim", "upper", "lower", "title"})
TESTS = frozenset({"defined", "undefined", "none", "in", "eq", "ne"})
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Test,
)


# No mail can carry these: half a surrogate pair cannot be encoded, control signs are refused by servers.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")


class Fault(TemplateError):
    """A template fault as a code with arguments, for a page to word."""

    def __init__(self, line: int, code: str, **args: str) -> None:
        super().__init__(line, code + (f" {args}" if args else ""))
        self.code = code
        self.args_ = args


def _finalize(value: Any) -> Any:
    """A value of several lines (an addressee block) keeps its lines in HTML."""
    if isinstance(value, str) and not isinstance(value, Markup) and "\n" in value:
        return Markup("<br>\n").join(escape(line) for line in value.split("\n"))
    return value


def _environment(*, is_html: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=is_html,
        finalize=_finalize if is_html else None,
        keep_trailing_newline=True,
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in TESTS}
    return made


HTML = _environment(is_html=True)
TEXT = _environment(is_html=False)


def faults(source: str, *, fields: Collection[str], lists: Collection[str] = ()) -> Iterator[Fault]:
    """Everything wrong with an author's template. Lines count from 1."""
    if len(source) > SOURCE_MAX:
        yield Fault(0, "too_long", limit=str(SOURCE_MAX))
        return
    if wrong := _UNSENDABLE.search(source):
        yield Fault(
            source.count("\n", 0, wrong.start()) + 1, "character_refused", char=f"{ord(wrong[0]):04X}"
        )
        return
    if source.count("{{") + source.count("{%") > TAGS_MAX:
        yield Fault(0, "too_many_tags", limit=str(TAGS_MAX))
        return
    try:
        tree = TEXT.parse(source)
    except TemplateSyntaxError as error:
        yield _syntax(error)
        return
    except (RecursionError, MemoryError):
        yield Fault(0, "too_nested")
        return
    except ValueError:  # a number of more than 4,300 digits
        yield Fault(0, "syntax", detail="number too long", kind="other", name="")
        return
    if _is_too_deep(tree):
        yield Fault(0, "too_nested")
        return
    yield from _walk(tree, set(fields) | set(lists), set(lists))


# What Jinja says, as a kind that a page can word. Anything else is "other" with Jinja's own sentence.
_KINDS = (
    (
        re.compile(r"Unexpected end of template.*innermost block that needs to be closed is '(\w+)'", re.S),
        "open",
    ),
    (re.compile(r"Encountered unknown tag '(\w+)'"), "unknown_tag"),
    (re.compile(r"expected token 'end of print statement', got '(.{1,40})'"), "print"),
    (re.compile(r"unexpected '(.{1,40})'"), "unexpected"),
    (re.compile(r"unexpected char (?:'|\")(.)(?:'|\")"), "unexpected"),
    (re.compile(r"Missing end of comment tag()"), "comment"),
    (re.compile(r"[Uu]nexpected end of template()"), "end"),
)


def _syntax(error: TemplateSyntaxError) -> Fault:
    said = str(error.message or "")
    found = ((pattern.search(said), kind) for pattern, kind in _KINDS)
    match, kind = next(((m, kind) for m, kind in found if m), (None, "other"))
    name = match[1] if match else ""
    return Fault(error.lineno or 0, "syntax", detail=said[:200], kind=kind, name=name)


def _is_too_deep(tree: nodes.Template) -> bool:
    """Whether nodes stand too deep within each other, or are too many; without recursion of its own."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > DEPTH_MAX or seen > NODES_MAX:
            return True
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]
    return False


def unguarded(source: str) -> dict[str, int]:
    """Fields printed without an {% if %} around them or a default: name -> first line. source: without faults."""
    found: dict[str, int] = {}
    _printed(TEXT.parse(source), frozenset(), found)
    return found


def _printed(node: nodes.Node, guarded: frozenset[str], found: dict[str, int]) -> None:
    if isinstance(node, nodes.If | nodes.CondExpr):
        asked = frozenset(n.name for n in node.test.find_all(nodes.Name)) | (
            {node.test.name} if isinstance(node.test, nodes.Name) else frozenset()
        )
        guarded |= asked
    if isinstance(node, nodes.Filter) and node.name in ("default", "d"):
        return
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in guarded:
        found.setdefault(node.name, node.lineno)
    for child in node.iter_child_nodes():
        _printed(child, guarded, found)


def names(source: str) -> frozenset[str]:
    """The fields a checked template asks for."""
    return frozenset(n.name for n in TEXT.parse(source).find_all(nodes.Name) if n.ctx == "load")


def render(source: str, values: dict[str, Any], *, is_html: bool) -> str:
    """One render; compiled once and kept. Raises TemplateError for a value that is not there, and Fault
    output_too_large as soon as more than `OUTPUT_MAX` characters have come out."""
    if any(isinstance(value, list | tuple) and len(value) > LOOP_MAX for value in values.values()):
        raise Fault(0, "list_too_long", limit=str(LOOP_MAX))
    template = _compiled(source, is_html)
    made: list[str] = []
    size = 0
    try:
        for piece in template.root_render_func(template.new_context(values)):
            size += len(piece)
            if size > OUTPUT_MAX:
                raise Fault(0, "output_too_large", limit=str(OUTPUT_MAX))
            made.append(piece)
    except JinjaError as error:
        raise TemplateError(0, str(error)) from error
    return "".join(made)


# A worker has some tens of published steps in turn; a compiled one takes about 100 kB.
@lru_cache(maxsize=256)
def _compiled(source: str, is_html: bool) -> Template:
    try:
        return (HTML if is_html else TEXT).from_string(source)
    except TemplateSyntaxError as error:
        raise TemplateError(error.lineno or 0, str(error)) from error
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        raise Fault(0, "too_nested") from error


def _walk(node: nodes.Node, known: set[str], lists: set[str]) -> Iterator[Fault]:
    line = node.lineno
    inside = known
    if not isinstance(node, _ALLOWED):
        yield Fault(line, "not_allowed", what=type(node).__name__)
        return
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known:
        near = difflib.get_close_matches(node.name, sorted(known), n=1, cutoff=0.5)
        yield Fault(line, "unknown_field", name=node.name, near=near[0] if near else "")
    if isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            yield Fault(line, "unknown_filter", name=node.name)
        elif _in_a_row(node) > FILTERS_MAX:
            yield Fault(line, "too_many_filters", limit=str(FILTERS_MAX))
            return
    # Written as an escape ("\\ud800"), the source itself did not show it.
    if isinstance(node, nodes.Const) and (wrong := _UNSENDABLE.search(str(node.value))):
        yield Fault(line, "character_refused", char=f"{ord(wrong[0]):04X}")
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        yield Fault(line, "unknown_test", name=node.name)
    if isinstance(node, nodes.For):
        if not isinstance(node.iter, nodes.Name) or node.iter.name not in lists or node.recursive:
            yield Fault(line, "loop_not_allowed")
            return
        if any(True for _ in node.find_all(nodes.For)):
            yield Fault(line, "loop_not_allowed")
            return
        if not isinstance(node.target, nodes.Name):
            yield Fault(line, "loop_not_allowed")
            return
        inside = known | {node.target.name}
    for child in node.iter_child_nodes():
        yield from _walk(child, inside, lists)


def _in_a_row(node: nodes.Node | None) -> int:
    count = 0
    while isinstance(node, nodes.Filter):
        count, node = count + 1, node.node
    return count
