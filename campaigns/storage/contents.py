"""Contents: ideas and mails. What a mail says stands in variants by language and buying role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from campaigns.rules.contents import FORMATS as FORMATS
from campaigns.rules.contents import LANGS as LANGS
from campaigns.rules.contents import ROLES as ROLES
from campaigns.rules.contents import Status
from campaigns.rules.scenarios import ContentKind
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of content. product_id None: may serve every product. idea: how it began, '' for a mail that was
    written at once. is_evergreen: on the shelf that a scenario may end in."""

    id: int
    title: str
    kind: str
    tone: str
    product_id: int | None
    version: int
    status: str = Status.APPROVED.value
    idea: str = ""
    source_dept: str = ""
    tags: tuple[str, ...] = ()
    is_evergreen: bool = False

    @property
    def is_of_shelf(self) -> bool:
        """Whether it is mailed by no row of a scenario, but frozen once it is approved."""
        return self.is_evergreen or self.kind == ContentKind.PERMISSION


@dataclass(frozen=True, slots=True)
class Variant:
    """The words of one language and role. text '' means: made from the HTML. format: what html is written in."""

    id: int
    content_id: int
    lang: str
    buying_role: str
    subject: str
    preheader: str
    html: str
    text: str
    version: int
    format: str = "html"


@dataclass(frozen=True, slots=True)
class Line:
    """One content in a list. scenarios: (id, name) of those whose newest version tells it."""

    id: int
    title: str
    kind: str
    tone: str
    status: str
    idea: str
    source_dept: str
    tags: tuple[str, ...]
    is_evergreen: bool
    product_id: int | None
    product_name: str | None
    colour_no: int
    version: int
    created_at: datetime
    author: str | None
    variants: int
    scenarios: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a content's status: what was done, when, by whom."""

    action: str
    at: datetime
    by: str | None


_CONTENT = tuple(t.contents.c[f] for f in Content.__dataclass_fields__)
_VARIANT = tuple(t.content_variants.c[f] for f in Variant.__dataclass_fields__)


def create(
    tx: Connection,
    *,
    title: str,
    kind: str,
    tone: str,
    product_id: int | None,
    user_id: int | None,
    now: datetime,
    **more: object,
) -> int:
    """A new content without words yet; its id. more: status, idea, source_dept, tags, is_evergreen."""
    return int(
        tx.execute(
            insert(t.contents)
            .values(
                title=title,
                kind=kind,
                tone=tone,
                product_id=product_id,
                created_by=user_id,
                created_at=now,
                **more,
            )
            .returning(t.contents.c.id)
        ).scalar_one()
    )


def get(tx: Connection, content_id: int, *, lock: bool = False) -> Content | None:
    query = select(*_CONTENT).where(t.contents.c.id == content_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _content(row)


def _content(row: Row[Any]) -> Content:
    return Content(**{**row._mapping, "tags": tuple(row.tags)})


def for_product(tx: Connection, product_id: int) -> tuple[Content, ...]:
    """What a scenario of this product may use: its own contents and those of no product. No ideas, and none that
    asks whether to go on; a retired one only where a row tells it."""
    c = t.contents
    is_told = select(t.steps.c.id).where(t.steps.c.content_id == c.c.id).exists()
    rows = tx.execute(
        select(*_CONTENT)
        .where((c.c.product_id == product_id) | c.c.product_id.is_(None))
        .where(c.c.kind != ContentKind.PERMISSION)
        .where(or_(c.c.status.in_(("draft", "approved")), and_(c.c.status == "retired", is_told)))
        .order_by(c.c.product_id.is_(None), c.c.id.desc())
    )
    return tuple(_content(row) for row in rows)


LISTING = """
select c.id, c.title, c.kind, c.tone, c.status, c.idea, c.source_dept, c.tags, c.is_evergreen, c.product_id,
       p.name as product_name, coalesce(p.colour_no, 0) as colour_no, c.version, c.created_at,
       u.name as author, coalesce(v.n, 0) as variants, coalesce(s.told, '[]'::jsonb) as scenarios
  from contents c
  left join products p on p.id = c.product_id
  left join users u on u.id = c.created_by
  left join (select content_id, count(*) as n from content_variants group by 1) v on v.content_id = c.id
  left join (
       select q.content_id, jsonb_agg(jsonb_build_array(q.id, q.name) order by q.id) as told
         from (select distinct st.content_id, sc.id, sc.name
                 from scenarios sc
                 join lateral (select id from scenario_versions where scenario_id = sc.id
                                order by no desc limit 1) newest on true
                 join steps st on st.version_id = newest.id and st.content_id is not null) q
        group by q.content_id) s on s.content_id = c.id
 where not :ideas or c.idea <> ''
 order by c.id desc
"""


def listing(tx: Connection, *, ideas: bool = False) -> tuple[Line, ...]:
    """Every content, newest first; ideas: only what began as one. Contents are thousands at the most."""
    rows = tx.execute(text(LISTING), {"ideas": ideas})
    return tuple(
        Line(
            **{
                **row._mapping,
                "tags": tuple(row.tags),
                "scenarios": tuple((int(id), str(name)) for id, name in row.scenarios),
            }
        )
        for row in rows
    )


def changes(tx: Connection, content_ids: Sequence[int], actions: Sequence[str]) -> dict[int, Change]:
    """The last of these actions on each content."""
    rows = tx.execute(
        text(
            "select distinct on (a.noun_id) a.noun_id, a.action, a.at, u.name"
            "  from audit_log a left join users u on u.id = a.user_id"
            " where a.noun = 'content' and a.noun_id = any(:ids) and a.action = any(:actions)"
            " order by a.noun_id, a.id desc"
        ),
        {"ids": list(content_ids), "actions": list(actions)},
    )
    return {row.noun_id: Change(row.action, row.at, row.name) for row in rows}


def known_tags(tx: Connection) -> tuple[str, ...]:
    """Theme tags in use, the most frequent first."""
    tag = func.unnest(t.contents.c.tags).label("tag")
    rows = select(tag).where(t.contents.c.status != Status.RETIRED.value).subquery()
    return tuple(
        tx.execute(
            select(rows.c.tag).group_by(rows.c.tag).order_by(func.count().desc(), rows.c.tag).limit(40)
        ).scalars()
    )


def save(tx: Connection, content_id: int, *, version: int, **head: object) -> bool:
    """Change the head (title, kind, tone, tags, is_evergreen ...); False when somebody else saved first."""
    c = t.contents
    done = tx.execute(
        update(c).where(c.c.id == content_id, c.c.version == version).values(**head, version=c.c.version + 1)
    )
    return done.rowcount == 1


def variants(tx: Connection, content_id: int) -> tuple[Variant, ...]:
    """Every variant, Japanese first, the one for all roles first."""
    cv = t.content_variants
    rows = tx.execute(
        select(*_VARIANT).where(cv.c.content_id == content_id).order_by(cv.c.lang.desc(), cv.c.buying_role)
    )
    return tuple(Variant(*row) for row in rows)


def variants_of(tx: Connection, content_ids: set[int]) -> dict[int, tuple[Variant, ...]]:
    """Variants of many contents at once, by content."""
    cv = t.content_variants
    rows = tx.execute(
        select(*_VARIANT)
        .where(cv.c.content_id.in_(content_ids))
        .order_by(cv.c.content_id, cv.c.lang.desc(), cv.c.buying_role)
    )
    found: dict[int, list[Variant]] = {}
    for row in rows:
        found.setdefault(row.content_id, []).append(Variant(*row))
    return {content_id: tuple(them) for content_id, them in found.items()}


def add_variant(
    tx: Connection,
    content_id: int,
    *,
    lang: str,
    buying_role: str = "",
    words: Mapping[str, str] | None = None,
) -> bool:
    """A variant for this language and role; False when there is one."""
    cv = t.content_variants
    statement = upsert(cv).values(content_id=content_id, lang=lang, buying_role=buying_role, **(words or {}))
    made = tx.execute(statement.on_conflict_do_nothing().returning(cv.c.id)).scalar_one_or_none()
    return made is not None


def save_variant(tx: Connection, variant_id: int, *, version: int, words: Mapping[str, str]) -> bool:
    """Change the words of a variant; False when somebody else saved first."""
    cv = t.content_variants
    done = tx.execute(
        update(cv)
        .where(cv.c.id == variant_id, cv.c.version == version)
        .values(**words, version=cv.c.version + 1)
    )
    return done.rowcount == 1


def delete_variant(tx: Connection, variant_id: int) -> None:
    tx.execute(delete(t.content_variants).where(t.content_variants.c.id == variant_id))
