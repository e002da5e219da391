"""ネタ帳: ideas from everybody in the company, and what became of them. Source: S4-18."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules import contents as rule
from campaigns.rules.contents import Status
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone
from campaigns.services import author, collect
from campaigns.storage import scenarios
from campaigns.web import content_lists as lists
from campaigns.web import content_words as told_words
from campaigns.web import scenario_words as words
from campaigns.web.session import needs

pages = Blueprint("ideas", __name__, url_prefix="/ideas")

WORDS_MAX, DEPT_MAX = 1000, 60


@pages.get("")
@needs()
def index_GET() -> ResponseReturnValue:
    return _page({}, {})


@pages.post("")
@needs()
def index_POST() -> ResponseReturnValue:
    form = {name: request.form.get(name, "").strip() for name in ("words", "source_dept", "tags")}
    if not form["words"]:
        return _page(form, {"words": _("ひと言で構いません。何か書いてください。")}), 422
    if len(form["words"]) > WORDS_MAX:
        return _page(form, {"words": _("%(n)s文字までで書いてください。", n=WORDS_MAX)}), 422
    collect.note_idea(
        _parts(),
        words=form["words"],
        source_dept=form["source_dept"][:DEPT_MAX],
        tags=rule.tags(form["tags"]),
        user_id=current_user.id,
        now=_now(),
    )
    flash(_("ネタ帳に書きました。ありがとうございます。"), "ok")
    return redirect(url_for(".index_GET"), code=303)


@pages.post("/<int:content_id>/draft")
@needs("marketer")
def draft_POST(content_id: int) -> ResponseReturnValue:
    """Make a mail of an idea."""
    kind, tone = request.form.get("kind", ""), request.form.get("tone", "")
    if kind not in set(ContentKind) or tone not in set(Tone):
        abort(400)
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    product_id = request.form.get("product_id", type=int)
    if product_id is not None and product_id not in {id for id, _name in products}:
        abort(400)
    try:
        collect.begin_draft(
            _parts(),
            content_id,
            kind=kind,
            tone=tone,
            product_id=product_id,
            starter=request.form.get("starter", ""),
            user_id=current_user.id,
            now=_now(),
        )
    except collect.Refused as refused:
        flash(str(told_words.REFUSED[refused.code]), "error")
        return redirect(url_for(".index_GET"), code=303)
    return redirect(url_for("mails.edit_GET", content_id=content_id, back=url_for(".index_GET")), code=303)


@pages.post("/<int:content_id>/retire")
@needs("marketer")
def retire_POST(content_id: int) -> ResponseReturnValue:
    try:
        collect.set_status(_parts(), content_id, Status.RETIRED, user_id=current_user.id, now=_now())
    except collect.Refused as refused:
        flash(str(told_words.REFUSED[refused.code]), "error")
    else:
        flash(_("見送りました。あとから下書きに戻せます。"), "ok")
    return redirect(url_for(".index_GET"), code=303)


def _page(form: dict[str, str], errors: dict[str, str]) -> str:
    found = collect.listing(_parts(), ideas=True)
    asked = lists.Wanted(status=request.args.get("status", "")[:20], page=lists.wanted(request.args).page)
    lines, pager = lists.page(
        [line for line in found.lines if asked.status in ("", line.status)],
        asked,
        url=lambda **q: url_for(".index_GET", **q),
    )
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    return render_template(
        "web/ideas/index.html",
        lines=lines,
        pager=pager,
        filters=_filters(found, asked.status),
        wanted=asked.status,
        steps=found.steps,
        tags=found.tags,
        departments=sorted({line.source_dept for line in found.lines if line.source_dept}),
        form=form,
        errors=errors,
        may_write=current_user.role in ("marketer", "admin"),
        kinds=[(kind.value, words.CONTENT_KINDS[kind.value]) for kind in ContentKind],
        tones=[(tone.value, words.TONES[tone.value]) for tone in Tone],
        products=products,
        starters=author.starters(),
        words=words,
        told_words=told_words,
    )


def _filters(found: collect.Listing, mine: str) -> list[tuple[str, int, str, bool]]:
    counts = {status: sum(line.status == status for line in found.lines) for status in Status}
    chips = [(str(_("すべて")), len(found.lines), url_for(".index_GET"), not mine)]
    for status, count in counts.items():
        label = str(told_words.STATUS[status.value])
        chips.append((label, count, url_for(".index_GET", status=status.value), mine == status))
    return chips


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
