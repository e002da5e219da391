"""Author: write the mails. A content has a head and variants by language and buying role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.contents import Status
from campaigns.rules.scenarios import ContentKind
from campaigns.services import shelf
from campaigns.storage import audit, contents
from campaigns.storage.contents import Content, Variant

_STARTERS = Path(__file__).resolve().parents[2] / "templates" / "mail" / "starters"
# Stands in a starter for the installation's own address.
_THIS_HOUSE = "https://this-house.example"
WORDS = ("subject", "preheader", "html", "text", "format")


class Stale(Exception):
    """Somebody else saved first. now: what is stored by now."""

    def __init__(self, now: object) -> None:
        super().__init__("somebody else saved first")
        self.now = now


class Gone(Exception):
    """The scenario, row or mail is no longer there."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Head and words of one variant, as the editor's form brings them."""

    title: str
    kind: str
    tone: str
    subject: str
    preheader: str
    html: str
    text: str
    format: str = "html"
    tags: tuple[str, ...] = ()
    is_evergreen: bool = False

    def words(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in WORDS}


def create(
    parts: Parts,
    *,
    title: str,
    kind: str,
    tone: str,
    product_id: int | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """A new mail with an empty Japanese variant; its id."""
    with parts.engine.begin() as tx:
        content_id = contents.create(
            tx, title=title, kind=kind, tone=tone, product_id=product_id, user_id=user_id, now=now
        )
        contents.add_variant(tx, content_id, lang="ja")
        audit.note(tx, noun="content", noun_id=content_id, action="create", user_id=user_id, now=now)
    return content_id


def from_starter(
    parts: Parts,
    starter: str,
    *,
    product_id: int | None,
    user_id: int | None,
    now: datetime,
    lang: str = "ja",
) -> int:
    """A new mail from a shipped starter. lang: of its title. Raises Gone for a code that is none."""
    if starter not in starters():
        raise Gone
    with parts.engine.begin() as tx:
        return add_starter(
            tx,
            starter,
            product_id=product_id,
            user_id=user_id,
            now=now,
            base_url=parts.settings.base_url,
            lang=lang,
        )


def load(
    parts: Parts, content_id: int, *, lang: str, buying_role: str
) -> tuple[Content, tuple[Variant, ...], Variant]:
    """A content, its variants and the one asked for (else the first). Raises Gone."""
    with parts.engine.connect() as tx:
        content = contents.get(tx, content_id)
        variants = contents.variants(tx, content_id)
    if content is None or not variants:
        raise Gone
    wanted = (v for v in variants if (v.lang, v.buying_role) == (lang, buying_role))
    return content, variants, next(wanted, variants[0])


def save(
    parts: Parts,
    content_id: int,
    variant_id: int,
    draft: Draft,
    *,
    content_version: int,
    variant_version: int,
    user_id: int | None,
    now: datetime,
) -> None:
    """Save head and words together. Raises Stale with what is stored by now, Gone."""
    with parts.engine.begin() as tx:
        content = contents.get(tx, content_id)
        variant = next((v for v in contents.variants(tx, content_id) if v.id == variant_id), None)
        if content is None or variant is None:
            raise Gone
        head: dict[str, object] = {
            "title": draft.title,
            "kind": draft.kind,
            "tone": draft.tone,
            "tags": draft.tags,
            "is_evergreen": draft.is_evergreen,
        }
        changes = {name: (getattr(content, name), value) for name, value in head.items()}
        changes |= {name: (getattr(variant, name), value) for name, value in draft.words().items()}
        ok = contents.save(tx, content_id, version=content_version, **{**head, "tags": list(draft.tags)})
        ok = ok and contents.save_variant(tx, variant_id, version=variant_version, words=draft.words())
        if not ok:
            raise Stale(variant)
        audit.note(
            tx, noun="content", noun_id=content_id, action="save", user_id=user_id, now=now, changes=changes
        )
    shelf.put(parts, content_id, now=now)


def add_variant(parts: Parts, content_id: int, *, lang: str, buying_role: str, now: datetime) -> None:
    """Words for another language or role, beginning as a copy of the first variant. Raises Gone."""
    with parts.engine.begin() as tx:
        variants = contents.variants(tx, content_id)
        if not variants or lang not in contents.LANGS or buying_role not in contents.ROLES:
            raise Gone
        words = {name: getattr(variants[0], name) for name in WORDS}
        contents.add_variant(tx, content_id, lang=lang, buying_role=buying_role, words=words)
    shelf.put(parts, content_id, now=now)


def delete_variant(parts: Parts, content_id: int, variant_id: int, *, now: datetime) -> bool:
    """Take a variant away; False for the last one and for the one that serves all roles."""
    with parts.engine.begin() as tx:
        variants = contents.variants(tx, content_id)
        wanted = next((v for v in variants if v.id == variant_id), None)
        if wanted is None or len(variants) == 1 or (wanted.lang == "ja" and not wanted.buying_role):
            return False
        contents.delete_variant(tx, variant_id)
    shelf.put(parts, content_id, now=now)
    return True


def starters() -> tuple[str, ...]:
    """Codes of the shipped starter mails."""
    return tuple(sorted(path.stem for path in _STARTERS.iterdir() if path.suffix[1:] in contents.FORMATS))


def read_starter(
    starter: str, *, lang: str = "ja", base_url: str = "", title_lang: str = "ja"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Head and words of a starter: lines "name: value" up to an empty line, then the body. What the body is
    written in, its file's ending says. base_url: what links to pages of our own begin with. English stands in
    a folder of its own; KeyError where there is none. title_lang: of the title, which staff read."""
    folder = _STARTERS if lang == "ja" else _STARTERS / lang
    path = next((path for path in folder.iterdir() if path.stem == starter), None)
    if path is None:
        raise KeyError(starter)
    source = path.read_text(encoding="utf-8").replace(_THIS_HOUSE, base_url or _THIS_HOUSE)
    top, _, body = source.partition("\n\n")
    values = dict(line.split(": ", 1) for line in top.splitlines())
    head = {name: values[name] for name in ("title", "kind", "tone")}
    if title_lang == "en":
        head["title"] = values["title-en"]
    words = {"subject": values["subject"], "preheader": values["preheader"], "html": body, "text": ""}
    return head, {**words, "format": path.suffix[1:]}


def add_starter(
    tx: Connection,
    starter: str,
    *,
    product_id: int | None,
    user_id: int | None,
    now: datetime,
    base_url: str = "",
    lang: str = "ja",
) -> int:
    """A new mail with the starter's words. What is mailed as soon as it is approved begins as a draft.

    lang: of the title, which staff read.
    """
    head, words = read_starter(starter, base_url=base_url, title_lang=lang)
    if head["kind"] == ContentKind.PERMISSION:
        head["status"] = Status.DRAFT.value
    content_id = contents.create(tx, **head, product_id=product_id, user_id=user_id, now=now)
    contents.add_variant(tx, content_id, lang="ja", words=words)
    if (_STARTERS / "en" / f"{starter}.html").exists():
        english = read_starter(starter, lang="en", base_url=base_url)[1]
        contents.add_variant(tx, content_id, lang="en", words=english)
    audit.note(tx, noun="content", noun_id=content_id, action="create", user_id=user_id, now=now)
    return content_id


def copy(tx: Connection, content_id: int, *, user_id: int | None, now: datetime) -> int:
    """A content of its own with the same words. Raises Gone."""
    content = contents.get(tx, content_id)
    if content is None:
        raise Gone
    new = contents.create(
        tx,
        title=f"{content.title} (2)",
        kind=content.kind,
        tone=content.tone,
        product_id=content.product_id,
        user_id=user_id,
        now=now,
        status=content.status,
        tags=list(content.tags),
    )
    for variant in contents.variants(tx, content_id):
        words = {name: getattr(variant, name) for name in WORDS}
        contents.add_variant(tx, new, lang=variant.lang, buying_role=variant.buying_role, words=words)
    return new
