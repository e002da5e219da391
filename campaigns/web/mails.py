"""Mails: the editor with the previews of a real person's mail."""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import partial

import redis
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules import merge_fields
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone
from campaigns.services import attach, author, collect, preview, upload
from campaigns.services.attach import ENDINGS, Linked
from campaigns.services.author import Draft, Stale
from campaigns.services.preview import Shown
from campaigns.storage import contents as stored
from campaigns.storage.contents import Content, Variant
from campaigns.web import content_words as told_words
from campaigns.web import mail_forms as forms
from campaigns.web import scenario_words as words
from campaigns.web.security import as_preview
from campaigns.web.session import needs, safe_next

pages = Blueprint("mails", __name__, url_prefix="/mails")

_KEPT_S = 900


@pages.get("/<int:content_id>")
@needs("marketer")
def edit_GET(content_id: int) -> ResponseReturnValue:
    content, variants, variant = _load(content_id)
    return _editor(content, variants, variant, forms.draft_of(content, variant))


@pages.post("/<int:content_id>")
@needs("marketer")
def edit_POST(content_id: int) -> ResponseReturnValue:
    content, variants, variant = _load(content_id)
    draft = forms.draft()
    wrong = forms.bad_head(draft)
    if wrong:
        flash(wrong, "error")
        return _editor(content, variants, variant, draft), 422
    try:
        author.save(
            _parts(),
            content_id,
            variant.id,
            draft,
            content_version=request.form.get("content_version", 0, type=int),
            variant_version=request.form.get("variant_version", 0, type=int),
            user_id=current_user.id,
            now=_now(),
        )
    except Stale:
        return _editor(content, variants, variant, draft, is_stale=True), 409
    forms.store_files(_parts(), user_id=current_user.id, now=_now())
    if request.form.get("then") == "test":
        return _send_test(content, content_id, variant)
    flash(_("保存しました。"), "ok")
    back = safe_back(request.form.get("back", ""))
    return redirect(
        back if request.form.get("then") == "back" and back else _here(content_id, variant), code=303
    )


@pages.post("/<int:content_id>/variants")
@needs("marketer")
def variant_POST(content_id: int) -> ResponseReturnValue:
    lang, role = request.form.get("lang", ""), request.form.get("role", "")
    author.add_variant(_parts(), content_id, lang=lang, buying_role=role, now=_now())
    return redirect(
        url_for(".edit_GET", content_id=content_id, lang=lang, role=role, back=_back_arg()), code=303
    )


@pages.post("/<int:content_id>/variants/<int:variant_id>/delete")
@needs("marketer")
def variant_delete_POST(content_id: int, variant_id: int) -> ResponseReturnValue:
    if not author.delete_variant(_parts(), content_id, variant_id, now=_now()):
        flash(_("全員向けの日本語の文面は削除できません。"), "error")
    return redirect(url_for(".edit_GET", content_id=content_id, back=_back_arg()), code=303)


@pages.post("/<int:content_id>/preview")
@needs("marketer")
def preview_POST(content_id: int) -> ResponseReturnValue:
    """The side column for words that are not saved yet (htmx)."""
    content, _variants, variant = _load(content_id)
    draft = forms.draft()
    seen = _show(content, variant, draft)
    return render_template(
        "web/mails/preview.html",
        content=content,
        variant=variant,
        seen=seen,
        preheader=draft.preheader,
        **_frames(seen),
        words=words,
        marks=forms.marks(seen.loud, draft),
        faces=preview.faces(_parts(), product_id=content.product_id),
    )


@pages.get("/frame/<key>")
@needs("marketer")
def frame_GET(key: str) -> ResponseReturnValue:
    """A rendered mail on its own, kept for a quarter of an hour; `look` shows it dark or without pictures."""
    try:
        kept = _parts().redis.get(f"ikusei:preview:{key}")
    except redis.RedisError:
        kept = None
    return _framed(kept.decode() if isinstance(kept, bytes) else "")


@pages.get("/<int:content_id>/frame")
@needs("marketer")
def saved_frame_GET(content_id: int) -> ResponseReturnValue:
    """The saved mail for a person."""
    content, _variants, variant = _load(content_id)
    return _framed(_show(content, variant, forms.draft_of(content, variant)).html)


def _framed(html: str) -> ResponseReturnValue:
    if not html:
        return as_preview(_("表示できる内容がありません。"))
    return as_preview(preview.as_seen(html, request.args.get("look", "light")))


def _kind_of(linked: Linked) -> str:
    """PDF, Word ..., as readers call it; it stands in the link's words, in the mail's language."""
    return words.KINDS_OF_FILE[ENDINGS[linked.file.mime]]


def _editor(
    content: Content, variants: tuple[Variant, ...], variant: Variant, draft: Draft, *, is_stale: bool = False
) -> str:
    faces = preview.faces(_parts(), product_id=content.product_id)
    seen = _show(content, variant, draft)
    return render_template(
        "web/mails/edit.html",
        content=content,
        variants=variants,
        variant=variant,
        draft=draft,
        seen=seen,
        preheader=draft.preheader,
        **_frames(seen),
        faces=faces,
        person_id=_person_id(),
        marks=forms.marks(seen.loud, draft),
        images=upload.recent(_parts()),
        files=[(linked, _kind_of(linked)) for linked in attach.recent(_parts())],
        formats=stored.FORMATS,
        fields=[(name, alias) for name, alias in merge_fields.ALIASES.items()],
        kinds=list(ContentKind),
        tones=list(Tone),
        roles=stored.ROLES,
        langs=stored.LANGS,
        tags=collect.known_tags(_parts()),
        words=words,
        told_words=told_words,
        back=_back_arg(),
        is_stale=is_stale,
        base_url=_parts().settings.base_url,
    )


def _show(content: Content, variant: Variant, draft: Draft) -> Shown:
    return preview.show(
        _parts(), draft, lang=variant.lang, product_id=content.product_id, person_id=_person_id(content)
    )


def _frames(seen: Shown) -> dict[str, object]:
    """Where the frames find the rendered mail, light and as other screens show it; the saved one while Redis
    is away."""
    key = secrets.token_urlsafe(12)
    address = partial(url_for, ".frame_GET", key=key)
    try:
        _parts().redis.set(f"ikusei:preview:{key}", seen.html, ex=_KEPT_S)
    except redis.RedisError:
        address = partial(
            url_for,
            ".saved_frame_GET",
            content_id=(request.view_args or {})["content_id"],
            lang=request.values.get("lang"),
            role=request.values.get("role"),
            person=_person_id(),
        )
    return {"frame": address(), "frame_of": lambda look: address(look=look)}


def _person_id(content: Content | None = None) -> int | None:
    """The person chosen to look with; without a choice the best known one."""
    chosen = request.values.get("person", type=int)
    if chosen or content is None:
        return chosen
    people = preview.faces(_parts(), product_id=content.product_id).people
    return people[0].id if people else None


def _send_test(content: Content, content_id: int, variant: Variant) -> ResponseReturnValue:
    saved = preview.variant_of(_parts(), content_id, variant.id) or variant
    wrong = preview.send_test(
        _parts(),
        saved,
        product_id=content.product_id,
        person_id=_person_id(content),
        to=current_user.email,
        mark=_("【テスト】"),
        user_id=current_user.id,
        now=_now(),
    )
    if wrong is None:
        flash(_("%(to)s へテスト配信しました。数十秒ほどで届きます。", to=current_user.email), "ok")
    else:
        flash(_("このままでは表示できないため、テスト配信しませんでした。確認の欄をご覧ください。"), "error")
    return redirect(_here(content_id, variant), code=303)


def _load(content_id: int) -> tuple[Content, tuple[Variant, ...], Variant]:
    return author.load(
        _parts(),
        content_id,
        lang=request.values.get("lang", "ja"),
        buying_role=request.values.get("role", ""),
    )


def _here(content_id: int, variant: Variant) -> str:
    return url_for(
        ".edit_GET",
        content_id=content_id,
        lang=variant.lang,
        role=variant.buying_role or None,
        person=_person_id(),
        back=_back_arg(),
    )


def _back_arg() -> str | None:
    return safe_back(request.values.get("back", "")) or None


def safe_back(target: str) -> str:
    """A path of our own, or nothing: a form field must not send anybody elsewhere."""
    path = safe_next(target)
    return "" if path == "/" else path


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
