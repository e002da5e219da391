"""What the pages of our own sites are about: rules by path, the most exact first.

A pattern is the beginning of a path (`/price` is that page and all below it, not `/pricelist`), or has `*` for
anything (`/case/*/spec`, `*.pdf`). Where no rule fits, the address and title are guessed at. Source: spec 2.5.1,
S3-16; issue "page tags and key pages per product".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from campaigns.rules.key_pages import is_key as looks_key

PATTERN_MAX = 200
STARS_MAX = 5
SITE_MAX = 500  # rules of a site: each page is compared with all of them once


@dataclass(frozen=True, slots=True)
class PageRule:
    """site: an origin, "" for any. product_id None: all products. is_key: prices, cases, specifications."""

    id: int
    site: str
    pattern: str
    product_id: int | None = None
    tags: tuple[str, ...] = ()
    is_key: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is about. rule: the rule that says so; None when it was guessed."""

    product_id: int | None
    tags: tuple[str, ...]
    is_key: bool
    rule: PageRule | None = None


class PageRules:
    """All rules, ready to be asked."""

    def __init__(self, rules: Iterable[PageRule]) -> None:
        self._rules = sorted(rules, key=_exactness, reverse=True)
        self._found: dict[str, PageRule | None] = {}

    def of(self, url: str, title: str = "") -> Page:
        """url: with its site. The rule decides alone where one fits."""
        if url not in self._found:
            self._found[url] = self._rule(url)
        rule = self._found[url]
        if rule is None:
            return Page(None, (), looks_key(url, title))
        return Page(rule.product_id, rule.tags, rule.is_key, rule)

    def _rule(self, url: str) -> PageRule | None:
        site, path = split(url)
        return next((rule for rule in self._rules if _fits(rule, site, path)), None)


def split(url: str) -> tuple[str, str]:
    """https://www.example.jp/price/?a=1 -> (https://www.example.jp, /price/); no site: ("", path)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    site = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
    return site, unquote(parts.path) or "/"


def problem(pattern: str) -> str:
    """Code of what is wrong with a pattern, "" for nothing: empty, start, too_long, stars."""
    if not pattern:
        return "empty"
    if pattern[0] not in "/*":
        return "start"
    if len(pattern) > PATTERN_MAX:
        return "too_long"
    return "stars" if pattern.count("*") > STARS_MAX else ""


def fits(pattern: str, path: str) -> bool:
    """Without regard to case: who types an address seldom minds it."""
    pattern, path = pattern.lower(), path.lower()
    if "*" in pattern:
        return _fits_stars(pattern, path)
    if not path.startswith(pattern):
        return False
    return pattern.endswith("/") or path[len(pattern) :][:1] in ("", "/", ".")


def _fits(rule: PageRule, site: str, path: str) -> bool:
    return rule.site in ("", site) and fits(rule.pattern, path)


def _fits_stars(pattern: str, path: str) -> bool:
    """The parts between the stars stand in the path in this order. Leftmost is always right, so one pass will do."""
    first, *middle, last = pattern.split("*")
    if not path.startswith(first) or len(path) < len(first) + len(last) or not path.endswith(last):
        return False
    at, end = len(first), len(path) - len(last)
    for part in middle:
        found = path.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _exactness(rule: PageRule) -> tuple[bool, int, bool, int]:
    """A rule for one site goes before one for all, more letters before fewer, the older before the newer."""
    return (rule.site != "", len(rule.pattern.replace("*", "")), "*" not in rule.pattern, -rule.id)
