"""The list of refusals: search, add what came by phone or card, lift with a reason, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import catalogue, refusal_list, refuse
from campaigns.services.refuse import RefuseError
from campaigns.storage.refusal_list import Line, Wanted
from campaigns.web import words
from campaigns.web.session import me, needs

pages = Blueprint("refusals", __name__, url_prefix="/refusals")
SIZE = 50
# What staff may say that it came by; the rest is recorded by the engine itself.
BY_HAND = ("phone", "card", "reply", "admin")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _wanted() -> Wanted:
    product = request.args.get("product", "")
    return Wanted(
        q=request.args.get("q", "")[:254],
        product_id=int(product) if product.isdecimal() and len(product) < 19 else None,
        only_global=product == "all",
        with_lifted="lifted" in request.args,
    )


def _page(*, errors: Mapping[str, str], form: Mapping[str, str], is_open: bool) -> str:
    parts, wanted = _parts(), _wanted()
    page = max(1, request.args.get("page", 1, type=int))
    lines, total = refusal_list.find(parts, wanted, page=page, size=SIZE)
    return render_template(
        "web/refusals/index.html",
        lines=lines,
        total=total,
        page=page,
        size=SIZE,
        wanted=wanted,
        counts=refusal_list.by_product(parts),
        products=catalogue.names(parts, only_active=False),
        by_hand=BY_HAND,
        errors=errors,
        form=form,
        is_open=is_open,
    )


@pages.get("/", strict_slashes=False)
@needs()
def index_GET() -> ResponseReturnValue:
    return _page(errors={}, form={"email": request.args.get("email", "")}, is_open="add" in request.args)


@pages.post("/", strict_slashes=False)
@needs()
def index_POST() -> ResponseReturnValue:
    """A refusal told by phone, card or otherwise; an address nobody here knows stays refused at its import."""
    parts, form = _parts(), request.form
    email, scope = form.get("email", "").strip(), form.get("scope", "")
    errors = {}
    if "@" not in email or len(email) > 254:
        errors["email"] = _("メールアドレスを入力してください。")
    if form.get("reason") not in BY_HAND:
        errors["reason"] = _("受け付けた方法を選んでください。")
    if not form.get("evidence", "").strip():
        errors["evidence"] = _("いつ、だれが、どう言ったかを書いてください。")
    is_product = scope.isdecimal() and len(scope) < 19
    if not is_product and scope != "global":
        errors["scope"] = _("停止する範囲を選んでください。")
    if not errors:
        try:
            done = refuse.record(
                parts,
                email=email,
                scope="product" if is_product else "global",
                product_id=int(scope) if is_product else None,
                reason=form["reason"],
                evidence=form["evidence"].strip(),
                user_id=me().id,
                now=parts.clock.now(),
            )
        except RefuseError:
            errors["scope"] = _("停止する範囲を選んでください。")
        else:
            _tell(done)
            return redirect(url_for("refusals.index_GET", q=email))
    return _page(errors=errors, form=form, is_open=True), 422


def _tell(done: refuse.Refused) -> None:
    if not done.is_new:
        flash(_("すでに登録されています。"), "info")
    elif done.stopped:
        flash(_("登録しました。予定していた%(n)s通を取りやめました。", n=done.stopped), "ok")
    else:
        flash(_("登録しました。今から送りません。"), "ok")


@pages.post("/<int:refusal_id>/lift")
@needs("admin")
def lift_POST(refusal_id: int) -> ResponseReturnValue:
    """Only an admin, and only with a reason: mail after a refusal is against the law."""
    parts = _parts()
    try:
        lifted = refusal_list.lift(
            parts, refusal_id, why=request.form.get("why", ""), user_id=me().id, now=parts.clock.now()
        )
    except RefuseError:
        flash(_("解除の理由を書いてください。何も変更していません。"), "error")
    else:
        kind = "ok" if lifted else "info"
        flash(_("解除しました。") if lifted else _("すでに解除されています。"), kind)
    return redirect(url_for("refusals.index_GET"))


@pages.get("/export.csv")
@needs()
def export_GET() -> ResponseReturnValue:
    parts = _parts()
    head = (
        _("登録日時"), _("メールアドレス"), _("会社名"), _("氏名"), _("範囲"), _("商材"), _("受け付けた方法"), _("根拠"),
        _("記録した人"), _("解除日時"), _("解除の理由"),
    )  # fmt: skip
    wanted = replace(_wanted(), with_lifted=True) if "lifted" in request.args else _wanted()
    body = refusal_list.export(parts, wanted, head=head, cells=_cells, user_id=me().id, now=parts.clock.now())
    return body, 200, {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="refusals.csv"',
    }  # fmt: skip


def _cells(line: Line) -> tuple[object, ...]:
    def at(value: object) -> str:
        return (
            value.astimezone(words.zone()).strftime("%Y-%m-%d %H:%M") if hasattr(value, "astimezone") else ""
        )

    return (
        at(line.at), line.email, line.company, line.person, words.word(words.SCOPES, line.scope), line.product,
        words.word(words.REFUSAL_REASONS, line.reason), line.evidence, line.recorded_by, at(line.lifted_at),
        line.lifted_reason,
    )  # fmt: skip
