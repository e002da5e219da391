"""The Jinja that marketers write in: values, conditions and a few filters, nothing that can run away.

What a template may contain is a list of allowed syntax nodes, not a list of forbidden words: no calls,
no attributes, no arithmetic, no macros, no includes, and loops only over lists the caller names. So
rendering is bounded by the source's length before any sandbox is asked.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from mailer.errors import TemplateError

SOURCE_MAX = 200_000  # characters of one template
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
    try:
        tree = TEXT.parse(source)
    except TemplateSyntaxError as error:
        yield Fault(error.lineno or 0, "syntax", detail=str(error.message or "")[:200])
        return
    except (RecursionError, MemoryError):
        yield Fault(0, "too_nested")
        return
    known = set(fields) | set(lists)
    yield from _walk(tree, known, set(lists))


def names(source: str) -> frozenset[str]:
    """The fields a checked template asks for."""
    return frozenset(n.name for n in TEXT.parse(source).find_all(nodes.Name) if n.ctx == "load")


def render(source: str, values: dict[str, Any], *, is_html: bool) -> str:
    """One render; compiled once and kept. Raises TemplateError for a value that is not there."""
    try:
        return _compiled(source, is_html).render(values)
    except JinjaError as error:
        raise TemplateError(0, str(error)) from error


# A worker has some tens of published steps in turn; a compiled one takes about 100 kB.
@lru_cache(maxsize=256)
def _compiled(source: str, is_html: bool) -> Template:
    try:
        return (HTML if is_html else TEXT).from_string(source)
    except TemplateSyntaxError as error:
        raise TemplateError(error.lineno or 0, str(error)) from error


def _walk(node: nodes.Node, known: set[str], lists: set[str]) -> Iterator[Fault]:
    line = node.lineno
    inside = known
    if not isinstance(node, _ALLOWED):
        yield Fault(line, "not_allowed", what=type(node).__name__)
        return
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known:
        near = difflib.get_close_matches(node.name, sorted(known), n=1, cutoff=0.5)
        yield Fault(line, "unknown_field", name=node.name, near=near[0] if near else "")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield Fault(line, "unknown_filter", name=node.name)
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
