"""Lists of contents as a page shows them: filters with counts, pages, themes, the mix of kinds, the shelf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.rules import contents as rule
from campaigns.rules.contents import Figures, Status
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone
from campaigns.storage.content_figures import Audience
from campaigns.storage.contents import Line
from campaigns.web import content_words
from campaigns.web import scenario_words as words

PAGE = 50
Url = Callable[..., str]
Filters = tuple[tuple[str, tuple[tuple[str, int | None, str, bool], ...]], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; '' is everything. shelf: 1 for evergreen contents."""

    status: str = ""
    kind: str = ""
    tone: str = ""
    product: str = ""
    tag: str = ""
    shelf: str = ""
    page: int = 1

    def fits(self, line: Line, *, leaving: str = "") -> bool:
        """Whether a content belongs to the list; leaving: a filter that is not asked."""
        if line.status == Status.IDEA and self.status != Status.IDEA and leaving != "status":
            return False  # ideas have a page of their own
        asked = {name: value for name, value in asdict(self).items() if value and name != leaving}
        return all(value in _values(line, name) for name, value in asked.items() if name != "page")

    @property
    def is_narrowed(self) -> bool:
        return any(value for name, value in asdict(self).items() if name != "page")


@dataclass(frozen=True, slots=True)
class Pager:
    first: int
    last: int
    total: int
    before: str | None
    after: str | None


def wanted(args: MultiDict[str, str]) -> Wanted:
    values = {name: args.get(name, "")[:80] for name in Wanted.__dataclass_fields__ if name != "page"}
    return Wanted(**values, page=max(1, args.get("page", 1, type=int)))


def filters(
    lines: Sequence[Line], asked: Wanted, products: Iterable[tuple[int, str]], *, url: Url
) -> Filters:
    """Groups of chips, each with how many it would show beside the other choices."""
    tags = rule_tags(lines)
    groups: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
        ("status", _("状態"), [(s.value, str(content_words.STATUS[s.value])) for s in Status]),
        ("kind", _("種類"), [(k.value, str(words.CONTENT_KINDS[k.value])) for k in ContentKind]),
        ("tone", _("トーン"), [(tone.value, str(words.TONES[tone.value])) for tone in Tone]),
        ("product", _("商材"), [*((str(id), name) for id, name in products), ("none", _("共通"))]),
        ("tag", _("テーマ"), [(tag, tag) for tag in tags]),
        ("shelf", _("常備"), [("1", _("常備の棚"))]),
    )
    return tuple(
        (label, _chips(name, choices, lines, asked, url)) for name, label, choices in groups if choices
    )


def _chips(
    name: str, choices: Sequence[tuple[str, str]], lines: Sequence[Line], asked: Wanted, url: Url
) -> tuple[tuple[str, int | None, str, bool], ...]:
    pool = [line for line in lines if asked.fits(line, leaving=name)]
    mine = getattr(asked, name)
    found = []
    for value, label in choices:
        count = sum(value in _values(line, name) for line in pool)
        if count or value == mine:
            # A chosen chip leads back to the list without it.
            other = replace(asked, **{name: "" if value == mine else value}, page=1)
            found.append((label, count, url(**_query(other)), value == mine))
    return tuple(found)


def _values(line: Line, name: str) -> tuple[str, ...]:
    if name == "tag":
        return line.tags
    if name == "shelf":
        return ("1",) if line.is_evergreen else ()
    if name == "product":
        return (str(line.product_id or "none"),)
    return (str(getattr(line, name)),)


def _query(asked: Wanted) -> dict[str, object]:
    return {name: value for name, value in asdict(asked).items() if value and (name, value) != ("page", 1)}


def page(lines: Sequence[Line], asked: Wanted, *, url: Url) -> tuple[Sequence[Line], Pager]:
    last_page = max(1, -(-len(lines) // PAGE))
    no = min(asked.page, last_page)
    shown = lines[(no - 1) * PAGE : no * PAGE]

    def link(page: int) -> str | None:
        return url(**_query(replace(asked, page=page))) if 1 <= page <= last_page else None

    first = (no - 1) * PAGE + 1 if shown else 0
    return shown, Pager(first, first + len(shown) - 1 if shown else 0, len(lines), link(no - 1), link(no + 1))


def rule_tags(lines: Iterable[Line]) -> list[str]:
    """Theme tags, the most frequent first."""
    counts: dict[str, int] = {}
    for line in lines:
        for tag in line.tags:
            counts[tag] = counts.get(tag, 0) + 1
    return sorted(counts, key=lambda tag: (-counts[tag], tag))


def alarms(
    shown: Iterable[Line], everything: Iterable[Line], figures: Mapping[int, Figures]
) -> dict[int, str]:
    """Contents whose readers refuse too often, in words."""
    usual = _usual(everything, figures)
    found = {}
    for line in shown:
        one = figures.get(line.id, Figures())
        code = rule.alarm(one, usual=usual.get(line.product_id, 0.0))
        if code:
            found[line.id] = content_words.alarm(code, one.refusal_rate or 0.0)
    return found


def _usual(lines: Iterable[Line], figures: Mapping[int, Figures]) -> dict[int | None, float]:
    by_product: dict[int | None, list[Figures]] = {}
    for line in lines:
        by_product.setdefault(line.product_id, []).append(figures.get(line.id, Figures()))
    return {product: rule.usual_refusal(rows) for product, rows in by_product.items()}


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme of a product: how many contents, how they did. alarm: in words, '' for none."""

    tag: str
    product: str | None
    product_id: int | None
    colour_no: int
    contents: int
    figures: Figures
    alarm: str


def themes(lines: Sequence[Line], figures: Mapping[int, Figures]) -> list[Theme]:
    """Every theme by product, the most told first."""
    usual = _usual(lines, figures)
    groups: dict[tuple[str, int | None], list[Line]] = {}
    for line in lines:
        for tag in line.tags if line.status != Status.IDEA else ():
            groups.setdefault((tag, line.product_id), []).append(line)
    found = []
    for (tag, product_id), group in groups.items():
        one = rule.total(figures.get(line.id, Figures()) for line in group)
        code = rule.alarm(one, usual=usual.get(product_id, 0.0))
        said = content_words.alarm(code, one.refusal_rate or 0.0) if code else ""
        first = group[0]
        found.append(Theme(tag, first.product_name, product_id, first.colour_no, len(group), one, said))
    return sorted(found, key=lambda theme: (-theme.figures.sent, theme.tag))


@dataclass(frozen=True, slots=True)
class Mix:
    """What a product tells: (kind, how many, share), of contents that may be used."""

    product: str | None
    colour_no: int
    kinds: tuple[tuple[str, int, float], ...]
    selling: float


def mixes(lines: Sequence[Line]) -> list[Mix]:
    """The mix of kinds by product. selling: share of mails with a sales tone."""
    groups: dict[int | None, list[Line]] = {}
    for line in lines:
        if line.status in (Status.APPROVED, Status.DRAFT):
            groups.setdefault(line.product_id, []).append(line)
    return [
        Mix(
            group[0].product_name,
            group[0].colour_no,
            rule.mix([line.kind for line in group]),
            sum(line.tone != Tone.INFO for line in group) / len(group),
        )
        for _product, group in sorted(groups.items(), key=lambda pair: pair[0] or 0)
    ]


@dataclass(frozen=True, slots=True)
class OnShelf:
    """A content on the shelf of a product. unseen: people who never got it. stands: False while something
    is wrong with its words."""

    line: Line
    unseen: int
    stands: bool


def questions(lines: Sequence[Line], on_shelf: frozenset[int]) -> list[tuple[Line, bool]]:
    """The contents that ask whether to go on, approved or drafts, and whether each may go."""
    mine = [line for line in lines if line.kind == ContentKind.PERMISSION and line.status != Status.RETIRED]
    return [(line, line.id in on_shelf) for line in mine]


def shelves(
    lines: Sequence[Line], products: Iterable[tuple[int, str]], audience: Audience, on_shelf: frozenset[int]
) -> list[tuple[int, str, int, list[OnShelf]]]:
    """By product: its id, name, people, and what its shelf holds."""
    kept = [
        line
        for line in lines
        if line.is_evergreen and line.status == Status.APPROVED and line.kind != ContentKind.PERMISSION
    ]
    return [
        (
            product_id,
            name,
            audience.leads.get(product_id, 0),
            [
                OnShelf(line, audience.unseen(product_id, line.id), line.id in on_shelf)
                for line in kept
                if line.product_id in (None, product_id)
            ],
        )
        for product_id, name in products
    ]
