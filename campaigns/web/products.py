"""Products: the list, one product in six sections, and what sales say about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.services import catalogue, hold
from campaigns.services.catalogue import Invalid, Stale
from campaigns.storage.products import Product
from campaigns.web.session import me, needs

pages = Blueprint("products", __name__, url_prefix="/products")

LABELS = {
    "name": _l("商材名"),
    "family": _l("分類"),
    "price_band": _l("価格帯"),
    "list_key": _l("リストの名前（英数字）"),
    "unsubscribe_label": _l("停止ページでの呼び名"),
    "purchase_cycle_days": _l("購買サイクル"),
    "gate_percent": _l("今すぐ客の基準（推定受注率）"),
    "expected_amount_yen": _l("1件あたりの見込み額"),
    "priority": _l("優先順位"),
    "colour_no": _l("色と模様"),
    "sender_profile_id": _l("送信者情報"),
    "owner_user_id": _l("担当者（通知先）"),
    "is_active": _l("使用中"),
    "appetite": _l("営業の受入状態"),
    "capacity_per_week": _l("1週間の受入枠"),
}


def error_words(errors: Mapping[str, str]) -> dict[str, str]:
    """What to do about each wrong field."""
    words = {
        "missing": _("入力してください。"),
        "taken": _("ほかで使われています。別の名前にしてください。"),
        "not_a_number": _("数字で入力してください。"),
        "odd": _("この形では使えません。例を見て直してください。"),
        "unknown": _("選び直してください。"),
    }
    found = {}
    for field, code in errors.items():
        if code == "out_of_range":
            least, most = (catalogue.NUMBERS | catalogue.SENDER_NUMBERS).get(field, (0, 999))
            found[field] = _(
                "%(least)sから%(most)sの間で入力してください。", least=f"{least:,}", most=f"{most:,}"
            )
        else:
            found[field] = words.get(code, code)
    return found


def values_of(product: Product | None) -> dict[str, object]:
    """A product as its form shows it."""
    if product is None:
        return {"purchase_cycle_days": 365, "gate_percent": 20, "expected_amount_yen": 0, "priority": 5,
                "colour_no": 1, "is_active": True}  # fmt: skip
    fields = ("name", "family", "price_band", "list_key", "unsubscribe_label", "purchase_cycle_days",
              "expected_amount_yen", "priority", "colour_no", "sender_profile_id", "owner_user_id",
              "is_active", "version")  # fmt: skip
    return {**{field: getattr(product, field) for field in fields}, "gate_percent": round(product.gate * 100)}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _form(
    product_id: int | None,
    values: Mapping[str, object],
    *,
    errors: Mapping[str, str],
    theirs: Mapping[str, object],
) -> str:
    parts = _parts()
    gate = catalogue.gate_of(parts, product_id, now=parts.clock.now()) if product_id else None
    return render_template(
        "web/products/edit.html",
        product_id=product_id,
        values=values,
        errors=error_words(errors),
        theirs=theirs,
        labels=LABELS,
        choices=catalogue.choices(parts),
        gate=gate,
        held=[
            one
            for one in hold.held(parts)
            if one.kind == "all" or (one.kind, one.id) == ("product", product_id)
        ],
        matrix=catalogue.matrix(),
    )


@pages.get("/", strict_slashes=False)
@needs("marketer")
def index_GET() -> ResponseReturnValue:
    return render_template("web/products/index.html", products=catalogue.listed(_parts()))


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _form(None, values_of(None), errors={}, theirs={})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts = _parts()
    try:
        product_id = catalogue.add(parts, request.form, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _form(None, request.form, errors=error.errors, theirs={}), 422
    flash(_("商材を登録しました。"), "ok")
    return redirect(url_for("products.edit_GET", product_id=product_id))


@pages.get("/<int:product_id>")
@needs("marketer")
def edit_GET(product_id: int) -> ResponseReturnValue:
    product = catalogue.find(_parts(), product_id) or abort(404)
    return _form(product_id, values_of(product), errors={}, theirs={})


@pages.post("/<int:product_id>")
@needs("marketer")
def edit_POST(product_id: int) -> ResponseReturnValue:
    """Save; when somebody saved first, both values are shown and nothing is lost."""
    parts = _parts()
    if catalogue.find(parts, product_id) is None:
        abort(404)
    version = request.form.get("version", 0, type=int)
    try:
        catalogue.save(
            parts, product_id, request.form, version=version, user_id=me().id, now=parts.clock.now()
        )
    except Invalid as error:
        return _form(product_id, request.form, errors=error.errors, theirs={}), 422
    except Stale as error:
        now = cast(Product, error.now)
        theirs = values_of(now)
        mine = {
            **theirs,
            **request.form,
            "is_active": "is_active" in request.form,
            "version": error.now.version,
        }
        return _form(product_id, mine, errors={}, theirs=theirs), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for("products.edit_GET", product_id=product_id))


@pages.post("/<int:product_id>/team")
@needs("marketer")
def team_POST(product_id: int) -> ResponseReturnValue:
    """What sales say today: appetite and capacity, kept with its date."""
    parts = _parts()
    product = catalogue.find(parts, product_id) or abort(404)
    try:
        catalogue.set_team(
            parts,
            product_id,
            appetite=request.form.get("appetite", ""),
            capacity=request.form.get("capacity_per_week", ""),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except Invalid as error:
        return _form(product_id, values_of(product), errors=error.errors, theirs={}), 422
    flash(_("営業の受入状態を記録しました。"), "ok")
    return redirect(url_for("products.edit_GET", product_id=product_id) + "#team")
