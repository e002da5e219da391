"""The forgotten: who may be written to and of whom nobody has thought for sixty days, with what to do about it."""

from __future__ import annotations

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import remember
from campaigns.services.count_reports import FORGOTTEN_DAYS
from campaigns.services.remember import NoProduct
from campaigns.storage import products
from campaigns.web.report_tables import address, behind
from campaigns.web.report_words import PAGES
from campaigns.web.reports import pages
from campaigns.web.session import me, needs
from campaigns.web.words import number

__all__ = ["pages"]
PAGE = 50


@pages.get("/forgotten")
@needs()
def forgotten_GET() -> ResponseReturnValue:
    return _page({})


@pages.post("/forgotten")
@needs()
def forgotten_POST() -> ResponseReturnValue:
    """Remember the chosen ones, or all."""
    parts, form = _parts(), request.form
    now = parts.clock.now()
    chosen = None if "all" in form else [int(one) for one in form.getlist("person") if one.isdecimal()][:PAGE]
    if chosen is not None and not chosen:
        return _page({"person": str(_("1名以上を選んでください。"))}), 422
    if form.get("how") == "review":
        done = remember.review(parts, chosen, user_id=me().id, now=now)
        flash(_("%(n)s名に、見直しのアクションを作りました。", n=number(done.people)), "ok")
    elif form.get("how") == "nurture" and me().role in ("marketer", "admin"):
        try:
            product_id = form.get("product", 0, type=int)
            done = remember.nurture(parts, chosen, product_id=product_id, user_id=me().id, now=now)
        except NoProduct:
            return _page({"product": str(_("商材を選んでください。"))}), 422
        flash(
            _("%(n)s名を見込み客に加え、%(k)s名がシナリオに加わりました。", n=number(done.people),
              k=number(done.enrolled)), "ok" if done.people or done.enrolled else "info",
        )  # fmt: skip
    else:
        return _page({"person": str(_("することを選んでください。"))}), 422
    return redirect(url_for("reports.forgotten_GET"), code=303)


def _page(errors: dict[str, str]) -> str:
    parts = _parts()
    offset = max(0, request.args.get("from", 0, type=int))
    lines, total = remember.page(parts, product_id=0, now=parts.clock.now(), limit=PAGE + 1, offset=offset)
    asked = remember.number().asked
    with parts.engine.connect() as tx:
        known = products.names(tx, only_active=True)
    return render_template(
        "web/reports/forgotten.html",
        lines=lines[:PAGE],
        total=total,
        offset=offset,
        has_more=len(lines) > PAGE,
        step=PAGE,
        days=FORGOTTEN_DAYS,
        most=remember.AT_ONCE,
        products=known,
        chosen=request.form.getlist("person"),
        errors=errors,
        tabs=PAGES,
        tab=lambda name: url_for(f"reports.{name}_GET"),
        csv=behind("forgotten", "all", asked) + "&format=csv",
        kept=address(asked),
        may_nurture=me().role in ("marketer", "admin"),
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
