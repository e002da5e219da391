"""Rule pages: say what the pages of our own sites are about, and see beforehand which pages a rule takes.

A rule counts for what is read from now on; touchpoints that stand keep what they say. Source: spec 2.5.1, S3-16.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import page_rules as rules
from campaigns.rules.page_rules import PageRule, PageRules
from campaigns.services.author import Gone
from campaigns.storage import audit, page_rules
from campaigns.storage.page_rules import SeenPage


class RuleError(ValueError):
    """code: empty, start, too_long, stars (of the pattern), site_unknown, twin (there is one for it), full (the site
    has as many as it may), stale."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule takes of the pages seen. pages: the most viewed first, with the rule each has had until now."""

    pages: tuple[tuple[SeenPage, PageRule | None], ...]

    @property
    def views(self) -> int:
        return sum(page.n for page, _ in self.pages)


def every(parts: Parts) -> list[PageRule]:
    with parts.engine.connect() as tx:
        return page_rules.every(tx)


def one(parts: Parts, id: int) -> PageRule:
    """Raises Gone."""
    found = next((rule for rule in every(parts) if rule.id == id), None)
    if found is None:
        raise Gone
    return found


def effect(rule: PageRule, *, others: Iterable[PageRule], seen: Sequence[SeenPage]) -> Effect:
    """The pages for which this rule would decide. others: all rules there are, an older self included."""
    rest = [other for other in others if other.id != rule.id]
    # A new rule is the youngest, as it will be.
    draft = replace(rule, id=rule.id or 1 + max((other.id for other in rest), default=0))
    before, after = PageRules([*rest]), PageRules([*rest, draft])
    taken = [page for page in seen if after.of(page.url).rule == draft]
    return Effect(tuple((page, before.of(page.url).rule) for page in taken))


def without(seen: Iterable[SeenPage], have: Iterable[PageRule]) -> list[SeenPage]:
    """Pages seen for which there is no rule."""
    known = PageRules(have)
    return [page for page in seen if known.of(page.url).rule is None]


def counts(seen: Iterable[SeenPage], have: Sequence[PageRule]) -> dict[int, tuple[int, int]]:
    """Pages and views of each rule, by its id."""
    known, found = PageRules(have), {rule.id: (0, 0) for rule in have}
    for page in seen:
        rule = known.of(page.url).rule
        if rule is not None:
            pages, views = found[rule.id]
            found[rule.id] = (pages + 1, views + page.n)
    return found


def tidy(rule: PageRule) -> PageRule:
    """As somebody typed or pasted it: a whole address is a site and a path."""
    pattern = " ".join(rule.pattern.split())
    if "://" in pattern:
        site, pattern = rules.split(pattern)
        return replace(rule, site=site, pattern=pattern)
    return replace(rule, pattern=pattern.partition("?")[0].partition("#")[0])


def problem(parts: Parts, rule: PageRule) -> str:
    """What is wrong with a tidy rule; "" for nothing."""
    if rule.site and rule.site not in parts.settings.origins():
        return "site_unknown"
    return rules.problem(rule.pattern)


def save(parts: Parts, rule: PageRule, *, user_id: int | None, now: datetime) -> int:
    """Write a tidy rule, new (id 0) or changed; its id. Raises RuleError."""
    code = problem(parts, rule)
    if code:
        raise RuleError(code)
    with parts.engine.begin() as tx:
        id = _write(tx, rule, user_id=user_id, now=now)
        changes: dict[str, tuple[object, object]] = {
            "pattern": (None, rule.site + rule.pattern),
            "tags": (None, "、".join(rule.tags)),
            "product_id": (None, rule.product_id),
            "is_key": (None, rule.is_key),
        }
        audit.note(tx, noun="page_rule", noun_id=id, action="save", user_id=user_id, now=now, changes=changes)
    return id


def _write(tx: Connection, rule: PageRule, *, user_id: int | None, now: datetime) -> int:
    if not rule.id:
        if page_rules.number(tx, rule.site) >= rules.SITE_MAX:
            raise RuleError("full")
        id = page_rules.add(tx, rule, user_id=user_id, now=now)
        if id is None:
            raise RuleError("twin")
        return id
    if page_rules.twin(tx, rule):
        raise RuleError("twin")
    if not page_rules.change(tx, rule):
        raise RuleError("stale")
    return rule.id


def delete(parts: Parts, id: int, *, user_id: int | None, now: datetime) -> PageRule:
    """Take a rule away; what it was, so that it can be put back. Raises Gone."""
    rule = one(parts, id)
    with parts.engine.begin() as tx:
        if not page_rules.delete(tx, id):
            raise Gone
        changes = {"pattern": (rule.site + rule.pattern, None)}
        audit.note(
            tx, noun="page_rule", noun_id=id, action="delete", user_id=user_id, now=now, changes=changes
        )
    return rule
