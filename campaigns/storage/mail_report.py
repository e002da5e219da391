"""Mails that were sent, with everything that came back of each: the facts of the reports on mails, themes and hours.

A mail is what one step of one scenario sent of one content. Opens are counted, and never taken for a person's: a
proxy of the mail program fetches them, or nobody knows who (spec 45, O1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

_VIEWS = "tp.kind in ('web_view', 'web_view_key') and tp.validity > 0"
_TOUCHES = f"""
    select bool_or(tp.kind = 'mail_open') as opened,
           bool_or(tp.kind = 'mail_open' and tp.validity_reason like 'machine%') as opened_proxy,
           bool_or(tp.kind = 'mail_open' and (tp.validity_reason like 'scanner%'
                   or tp.validity_reason like 'suspected%')) as opened_scanner,
           bool_or(tp.kind = 'mail_click') as clicked,
           bool_or(tp.kind = 'mail_click' and tp.validity > 0) as clicked_human,
           bool_or({_VIEWS}) as visited,
           coalesce(sum(tp.active_s) filter (where {_VIEWS}), 0) as active_s,
           bool_or(tp.kind = 'mail_reply' and tp.validity > 0) as replied,
           min(tp.at) filter (where tp.kind in ('mail_click', 'mail_reply', 'web_view', 'web_view_key')
                                and tp.validity > 0) as moved_at
      from touchpoints tp
"""  # noqa: S608 - constants
# For a list: looked up mail by mail, no further than the page goes (ix_touchpoints_delivery_id).
_EACH = f"left join lateral ({_TOUCHES} where tp.delivery_id = d.id) t on true"
# For counting: all at once.
_ALL = (
    "left join ("
    + _TOUCHES.replace("    select ", "    select tp.delivery_id, ", 1)
    + "     where tp.delivery_id is not null group by tp.delivery_id) t on t.delivery_id = d.id"
)
_FACTS = f"""
select d.id as delivery_id, d.person_id, d.sent_at as at, d.product_id, e.scenario_id, d.step_key, d.content_id,
       {month("d.sent_at")} as month, d.bounce, d.complained_at,
       coalesce(nullif(c.title, ''), s.name, '') as what, coalesce(c.kind, '') as kind,
       coalesce(c.tags, '{{}}') as tags,
       coalesce(t.opened, false) as opened, coalesce(t.opened_proxy, false) as opened_proxy,
       coalesce(t.opened_scanner, false) as opened_scanner, coalesce(t.clicked, false) as clicked,
       coalesce(t.clicked_human, false) as clicked_human, coalesce(t.visited, false) as visited,
       coalesce(t.active_s, 0) as active_s, coalesce(t.replied, false) as replied,
       coalesce(r.product, false) as refused_product, coalesce(r.every, false) as refused_all,
       t.moved_at is not null and exists (
         select 1 from touchpoints x
          where x.person_id = d.person_id and x.kind = any(:talks) and x.validity > 0 and x.at >= t.moved_at
            and x.at < t.moved_at + make_interval(days => :talk_days)
            and (x.product_id is null or x.product_id = d.product_id)) as talked
  from deliveries d
  left join enrollments e on e.id = d.enrollment_id
  left join scenarios s on s.id = e.scenario_id
  left join contents c on c.id = d.content_id
  left join (select delivery_id, bool_or(scope = 'product') as product, bool_or(scope = 'global') as every
               from suppressions where delivery_id is not null
                and reason not in ('complaint', 'bounce', 'admin', 'erasure', 'import')
              group by 1) r on r.delivery_id = d.id
  {{touches}}
 where d.state = 'sent' and d.class <> 'transactional' and d.sent_at >= :since and d.sent_at < :until
   and (:product = 0 or d.product_id = :product) and {{near}}
"""  # noqa: S608 - constants

MEASURES: Mapping[str, str] = {
    "sent": "true",
    "arrived": "f.bounce = ''",
    "returned": "f.bounce in ('hard', 'soft')",
    "returned_hard": "f.bounce = 'hard'",
    "returned_soft": "f.bounce = 'soft'",
    "opened": "f.opened",
    "opened_proxy": "f.opened_proxy",
    "opened_scanner": "f.opened_scanner",
    "opened_unknown": "f.opened and not f.opened_proxy and not f.opened_scanner",
    "clicked": "f.clicked",
    "clicked_human": "f.clicked_human",
    "visited": "f.visited",
    "replied": "f.replied",
    "talked": "f.talked",
    "refused": "f.refused_product or f.refused_all",
    "refused_product": "f.refused_product",
    "refused_all": "f.refused_all",
    "complained": "f.complained_at is not null",
}
DIMS: Mapping[str, str] = {
    # 0 is none. Written so that a list knows from the table's statistics how many rows are to be expected.
    "scenario": "f.scenario_id = cast(:scenario as bigint) or :scenario = 0 and f.scenario_id is null",
    "step": "f.step_key = :step",
    "content": "f.content_id = cast(:content as bigint) or :content = 0 and f.content_id is null",
    "kind": "f.kind = :kind",
    "tag": "f.tags @> array[cast(:tag as text)]",
}
_REFUSED = "d.id in (select delivery_id from suppressions where delivery_id is not null)"
_TOUCHED = "exists (select 1 from touchpoints tp where tp.delivery_id = d.id and {0})"
_PERSON = "tp.kind in ('mail_click', 'mail_reply', 'web_view', 'web_view_key') and tp.validity > 0"
_TALKED = """d.person_id in (
  select tp.person_id from touchpoints tp where tp.kind = any(:talks) and tp.validity > 0)"""
NEAR: Mapping[str, str] = {
    "opened": _TOUCHED.format("tp.kind = 'mail_open'"),
    "opened_proxy": _TOUCHED.format("tp.validity_reason like 'machine%'"),
    "opened_scanner": _TOUCHED.format("tp.kind = 'mail_open'"),
    "opened_unknown": _TOUCHED.format("tp.kind = 'mail_open'"),
    "clicked": _TOUCHED.format("tp.kind = 'mail_click'"),
    "clicked_human": _TOUCHED.format("tp.kind = 'mail_click' and tp.validity > 0"),
    "visited": _TOUCHED.format(_VIEWS),
    "talked": f"{_TALKED} and {_TOUCHED.format(_PERSON)}",
    "refused": _REFUSED,
    "returned": "d.bounce in ('hard', 'soft')",
    "refused_product": _REFUSED,
    "refused_all": _REFUSED,
    "complained": "d.complained_at is not null",
    "returned_hard": "d.bounce = 'hard'",
    "returned_soft": "d.bounce = 'soft'",
    "replied": _TOUCHED.format("tp.kind = 'mail_reply'"),
}
ROWS = Facts(_FACTS.replace("{touches}", _EACH), MEASURES, DIMS, NEAR)
COUNTED = Facts(_FACTS.replace("{touches}", _ALL), MEASURES, DIMS)


@dataclass(frozen=True, slots=True)
class Mails:
    """What one mail did in one month of sending. figures: the measures, and active_s of people on our pages."""

    month: int
    product_id: int
    scenario_id: int
    step_key: str
    content_id: int
    figures: Mapping[str, int]


COUNT = f"""
select f.month, coalesce(f.product_id, 0) as product_id, coalesce(f.scenario_id, 0) as scenario_id, f.step_key,
       coalesce(f.content_id, 0) as content_id, round(coalesce(sum(f.active_s), 0))::bigint as active_s,
       {counted(MEASURES)}
  from ({COUNTED.query()}) f group by 1, 2, 3, 4, 5
"""  # noqa: S608 - constants


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Mails]:
    """One pass over the mails of these instants and one over their touches (ix_deliveries_sent_at)."""
    values = binds(Cell("mails", "sent", since, until), zone)
    return [
        Mails(
            row.month,
            row.product_id,
            row.scenario_id,
            row.step_key,
            row.content_id,
            {name: row._mapping[name] for name in (*MEASURES, "active_s")},
        )
        for row in tx.execute(text(COUNT), values)
    ]


# A click touch is one link of one mail: its key is click:<delivery>:<link>.
_LINKS = f"""
select tp.delivery_id, tp.person_id, tp.at, d.product_id, tp.url as what,
       e.scenario_id, d.step_key, d.content_id,
       {month("d.sent_at")} as month, tp.url, tp.validity > 0 as is_human
  from touchpoints tp join deliveries d on d.id = tp.delivery_id
  left join enrollments e on e.id = d.enrollment_id
 where tp.kind = 'mail_click' and d.state = 'sent' and d.class <> 'transactional'
   and d.sent_at >= :since and d.sent_at < :until and (:product = 0 or d.product_id = :product)
"""  # noqa: S608 - constants
LINKS = Facts(
    _LINKS,
    {"clicked": "true", "clicked_human": "f.is_human"},
    {name: DIMS[name] for name in ("scenario", "step", "content")} | {"url": "f.url = :url"},
)


@dataclass(frozen=True, slots=True)
class Link:
    """Clicks on one address of one mail, a link counted once a mail that was sent. clicked: machines' too."""

    month: int
    product_id: int
    scenario_id: int
    step_key: str
    content_id: int
    url: str
    figures: Mapping[str, int]


COUNT_LINKS = f"""
select f.month, coalesce(f.product_id, 0) as product_id, coalesce(f.scenario_id, 0) as scenario_id, f.step_key,
       coalesce(f.content_id, 0) as content_id, f.url, {counted(LINKS.measures)}
  from ({LINKS.query()}) f group by 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - constants


def links(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Link]:
    values = binds(Cell("links", "clicked", since, until), zone)
    return [
        Link(
            row.month,
            row.product_id,
            row.scenario_id,
            row.step_key,
            row.content_id,
            row.url,
            {name: row._mapping[name] for name in LINKS.measures},
        )
        for row in tx.execute(text(COUNT_LINKS), values)
    ]


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says. tags: its themes."""

    title: str
    kind: str
    tags: tuple[str, ...]


def contents(tx: Connection) -> dict[int, Content]:
    """Every content: hundreds."""
    rows = tx.execute(text("select id, title, kind, tags from contents"))
    return {row.id: Content(row.title, row.kind, tuple(row.tags)) for row in rows}
