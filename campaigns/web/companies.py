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
from campaigns.rules.money import MoneyError, read_yen
from campaigns.rules.tracking import ROLES
from campaigns.services import add_contact, classify, edit_company, show_company
from campaigns.services.add_contact import ContactError
from campaigns.services.author import Gone
from campaigns.services.edit_company import GUARDED, OwnerError, Stale
from campaigns.storage import companies as stored
from campaigns.storage import timeline
from campaigns.web import hand_off_words, import_words, lead_words, tracking_words, trade_words
from campaigns.web.asked import number
from campaigns.web.catalogue_page import instant
from campaigns.web.classes import may_edit
from campaigns.web.session import needs

pages = Blueprint("companies", __name__, url_prefix="/companies")
PAGE = 50
TEXTS = ("tel", "fax", "zip", "address", "url", "industry", "employees_band")
MONEY = ("profit_12m_yen", "sales_12m_yen")


@pages.get("")
@needs()
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
@needs()
def company_GET(company_id: int) -> ResponseReturnValue:
    return _page(_company(company_id), form=None, errors={})


@pages.post("/<int:company_id>")
@needs()
def company_POST(company_id: int) -> ResponseReturnValue:
    errors: dict[str, str] = {}
    values = _values(request.form, errors)
    if not may_edit():  # corrects what is written about a company, not whose it is and what it counts as
        values = {name: value for name, value in values.items() if name not in GUARDED}
        errors = {name: error for name, error in errors.items() if name not in GUARDED}
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
    except OwnerError:
        errors = {"owner_user_id": _("担当営業を選び直してください。")}
        return _page(_company(company_id), form=request.form, errors=errors), 422
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


@pages.post("/<int:company_id>/people")
@needs()
def contact_POST(company_id: int) -> ResponseReturnValue:
    """Somebody new of this company, with who introduced them."""
    form = request.form
    try:
        person_id = add_contact.run(_parts(), company_id, form, user_id=current_user.id, now=_now())
    except ContactError as error:
        if error.person_id is not None:
            flash(_("この方は、すでに登録されています。"), "info")
            return redirect(url_for("people.person_GET", person_id=error.person_id), code=303)
        wrong = {
            str(one.args.get("field", "name")): import_words.reason(one)
            for one in import_words.wrong(error.reasons)
        }
        return _page(_company(company_id), form=None, errors={}, contact=form, wrong=wrong), 422
    except Gone:
        abort(404)
    flash(_("担当者を追加しました。"), "ok")
    return redirect(url_for("people.person_GET", person_id=person_id), code=303)


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
        if (
            form.get("last_deal_on")
            and date.fromisoformat(form["last_deal_on"]) > _now().astimezone(_parts().settings.tz).date()
        ):
            errors["last_deal_on"] = _("まだ来ていない日です。")
    except ValueError:
        errors["last_deal_on"] = _("日付は 2026-11-26 の形で入れてください。")
    for name in MONEY:
        try:
            # Profits may be losses; nobody sells less than nothing.
            text = form.get(name, "").strip() or "0"
            values[name] = read_yen(text, may_be_negative=name == "profit_12m_yen")
        except MoneyError as error:
            errors[name] = str(hand_off_words.MONEY_ERRORS[error.code])
    return values


def _page(
    company: stored.Company,
    *,
    form: Mapping[str, str] | None,
    errors: dict[str, str],
    is_stale: bool = False,
    contact: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> str:
    parts, now = _parts(), _now()
    before = instant(request.args.get("before", ""))
    page = show_company.run(
        parts,
        company.id,
        now=now,
        before=(before, request.args.get("touch", 0, type=int)) if before else None,
    )
    assert page is not None
    with parts.engine.connect() as tx:
        users = list(timeline.users(tx))
    if company.owner_user_id is not None and company.owner_user_id not in {id for id, _name in users}:
        users.insert(0, (company.owner_user_id, _("%(name)s（停止中）", name=company.owner)))
    return render_template(
        "web/companies/company.html",
        company=company,
        page=page,
        is_older=before is not None,
        trades=trade_words,
        users=users,
        form=form,
        errors=errors,
        may_edit=may_edit(),
        is_stale=is_stale,
        contact=contact,
        wrong=wrong or {},
        roles=ROLES,
        classes=[one.value for one in Class],
        words=lead_words,
        says=tracking_words,
        deals=hand_off_words,
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
