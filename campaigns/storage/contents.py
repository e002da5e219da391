"""Contents: what a mail says, in variants by language and buying role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from campaigns.storage import tables as t

LANGS = ("ja", "en")
FORMATS = ("html", "mjml")
# Buying roles a variant may be for; '' serves every role without a variant of its own.
ROLES = ("", "窓口", "利用", "技術", "購買", "経理", "決裁", "影響者")


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of content. product_id None: may serve every product."""

    id: int
    title: str
    kind: str
    tone: str
    product_id: int | None
    version: int


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
    """One content in the list: where it is used and how often it went out."""

    id: int
    title: str
    kind: str
    tone: str
    product_name: str | None
    colour_no: int
    variants: int
    steps: int
    sent: int


_CONTENT = (
    t.contents.c.id,
    t.contents.c.title,
    t.contents.c.kind,
    t.contents.c.tone,
    t.contents.c.product_id,
    t.contents.c.version,
)
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
) -> int:
    """A new content without words yet; its id."""
    return int(
        tx.execute(
            insert(t.contents)
            .values(
                title=title, kind=kind, tone=tone, product_id=product_id, created_by=user_id, created_at=now
            )
            .returning(t.contents.c.id)
        ).scalar_one()
    )


def get(tx: Connection, content_id: int) -> Content | None:
    row = tx.execute(select(*_CONTENT).where(t.contents.c.id == content_id)).one_or_none()
    return None if row is None else Content(*row)


def for_product(tx: Connection, product_id: int) -> tuple[Content, ...]:
    """What a scenario of this product may use: its own contents and those of no product."""
    c = t.contents
    rows = tx.execute(
        select(*_CONTENT)
        .where((c.c.product_id == product_id) | c.c.product_id.is_(None))
        .order_by(c.c.product_id.is_(None), c.c.id.desc())
    )
    return tuple(Content(*row) for row in rows)


def listing(tx: Connection) -> tuple[Line, ...]:
    """Every content with its use, newest first."""
    c, p, cv, d = t.contents, t.products, t.content_variants, t.deliveries
    variants = select(cv.c.content_id, func.count().label("n")).group_by(cv.c.content_id).subquery()
    steps = (
        select(t.steps.c.content_id, func.count(func.distinct(t.steps.c.key)).label("n"))
        .group_by(t.steps.c.content_id)
        .subquery()
    )
    sent = (
        select(d.c.content_id, func.count().label("n"))
        .where(d.c.state == "sent", d.c.content_id.is_not(None))
        .group_by(d.c.content_id)
        .subquery()
    )
    rows = tx.execute(
        select(
            c.c.id,
            c.c.title,
            c.c.kind,
            c.c.tone,
            p.c.name,
            func.coalesce(p.c.colour_no, 0),
            func.coalesce(variants.c.n, 0),
            func.coalesce(steps.c.n, 0),
            func.coalesce(sent.c.n, 0),
        )
        .outerjoin(p, p.c.id == c.c.product_id)
        .outerjoin(variants, variants.c.content_id == c.c.id)
        .outerjoin(steps, steps.c.content_id == c.c.id)
        .outerjoin(sent, sent.c.content_id == c.c.id)
        .order_by(c.c.id.desc())
    )
    return tuple(Line(*row) for row in rows)


def save(tx: Connection, content_id: int, *, version: int, title: str, kind: str, tone: str) -> bool:
    """Change the head; False when somebody else saved first."""
    c = t.contents
    done = tx.execute(
        update(c)
        .where(c.c.id == content_id, c.c.version == version)
        .values(title=title, kind=kind, tone=tone, version=c.c.version + 1)
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
