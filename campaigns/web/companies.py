"""Companies: the list by class, one company with its people, its class and what decides it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.classes import Class
from campaigns.services import classify, company_interests, edit_company, roll_up
from campaigns.services.edit_company import Stale
from campaigns.storage import companies as stored
from campaigns.storage import timeline
from campaigns.web import lead_words, trade_words
from campaigns.web.asked import number
from campaigns.web.session import needs

pages = Blueprint("companies", __name__, url_prefix="/companies")
PAGE = 50
TEXTS = ("tel", "fax", "zip", "address", "url", "industry", "employees_band", "culture")
MONEY = ("profit_12m_yen", "sales_12m_yen")
MONEY_MAX = 10**15


@pages.get("")
@needs("marketer", "inside_sales")
def list_GET() -> ResponseReturnValue:
    args = request.args
    q, cls = args.get("q", "").strip()[:100], args.get("class", "")
    after = (args.get("after", ""), args.get("id", 0, type=int)) if args.get("id") else None
    with _parts().engine.connect() as tx:
        lines = stored.page(tx, q=q, cls=cls, after=after, limit=PAGE + 1)
        counts = stored.class_counts(tx, q=q)
    total = counts.get(cls, 0) if cls else sum(counts.values())
    return render_template(
        "web/companies/list.html",
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        seen=max(0, args.get("seen", 0, type=int)),
        q=q,
        cls=cls,
        counts=counts,
        total=total,
        classes=[one.value for one in Class],
        words=lead_words,
        link=_link,
    )


@pages.get("/<int:company_id>")
@needs("marketer", "inside_sales")
def company_GET(company_id: int) -> ResponseReturnValue:
    return _page(_company(company_id), form=None, errors={})


@pages.post("/<int:company_id>")
@needs("marketer", "inside_sales")
def company_POST(company_id: int) -> ResponseReturnValue:
    errors: dict[str, str] = {}
    values = _values(request.form, errors)
    if errors:
        return _page(_company(company_id), form=request.form, errors=errors), 422
    try:
        saved = edit_company.save(
            _parts(),
            company_id,
            values,
            version=request.form.get("version", 0, type=int),
            user_id=current_user.id,
            now=_now(),
        )
    except Stale as stale:
        return _page(stale.current, form=request.form, errors={}, is_stale=True), 409
    except LookupError:
        abort(404)
    flash(_("保存しました。管理区分は%(cls)sです。", cls=lead_words.CLASSES[saved.company_class]), "ok")
    return redirect(url_for(".company_GET", company_id=company_id), code=303)


@pages.post("/classify")
@needs("marketer")
def classify_POST() -> ResponseReturnValue:
    done = classify.run(_parts(), now=_now(), user_id=current_user.id)
    flash(
        _(
            "%(n)s社の管理区分を計算しました。変わったのは%(moved)s社です。",
            n=done.companies,
            moved=len(done.moved),
        ),
        "ok",
    )
    return redirect(url_for(".list_GET"), code=303)


def _values(form: Mapping[str, str], errors: dict[str, str]) -> dict[str, object]:
    values: dict[str, object] = {name: form[name].strip()[:500] for name in TEXTS if name in form}
    values["has_field_rep"] = "has_field_rep" in form
    values["class_locked"] = "class_locked" in form
    if values["class_locked"] and form.get("class") in [one.value for one in Class]:
        values["class"] = form["class"]
    try:
        values["owner_user_id"] = number(form.get("owner_user_id", ""))
    except ValueError:
        values["owner_user_id"] = None
    try:
        values["last_deal_on"] = (
            date.fromisoformat(form["last_deal_on"]) if form.get("last_deal_on") else None
        )
    except ValueError:
        errors["last_deal_on"] = _("日付は 2026-11-26 の形で入れてください。")
    for name in MONEY:
        text = form.get(name, "").replace(",", "").strip() or "0"
        try:
            values[name] = int(text)
        except ValueError:
            errors[name] = _("円を整数で入れてください。")
        else:
            if abs(int(text)) > MONEY_MAX:
                errors[name] = _("大きすぎる金額です。")
    return values


def _page(
    company: stored.Company, *, form: Mapping[str, str] | None, errors: dict[str, str], is_stale: bool = False
) -> str:
    with _parts().engine.connect() as tx:
        members = stored.members(tx, company.id)
        users = timeline.users(tx)
    return render_template(
        "web/companies/company.html",
        company=company,
        rolled=roll_up.company(_parts(), company.id, now=_now()),
        interests=company_interests.run(_parts(), company.id, now=_now()),
        trades=trade_words,
        members=members,
        users=users,
        form=form,
        errors=errors,
        is_stale=is_stale,
        classes=[one.value for one in Class],
        words=lead_words,
    )


def _company(company_id: int) -> stored.Company:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, company_id)
    if found is None:
        abort(404)
    return found


def _link(**changed: str | int | None) -> str:
    values: dict[str, str | int | None] = {
        k: v for k, v in request.args.items() if k not in ("after", "id", "seen", "by")
    }
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
