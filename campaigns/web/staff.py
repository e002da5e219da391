"""Who of sales takes what: territory, tasks a day, absence, and what each has; for all to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules.assigning import PREFECTURES
from campaigns.services import staff
from campaigns.services.edit_task import LEADERS
from campaigns.services.staff import Share, StaffError
from campaigns.web.session import me, needs

pages = Blueprint("staff", __name__, url_prefix="/staff")
ERRORS = {
    "territory_unknown": ("territory", _l("都道府県を一覧から選んでください。")),
    "per_day_odd": ("per_day", _l("0から1000までの数を入れてください。")),
    "away_odd": ("away_until", _l("日付は 2026-11-26 の形で入れてください。")),
    "away_past": ("away_until", _l("明日からあとの日を入れてください。休みでなければ空けてください。")),
    "away_far": ("away_until", _l("2年より先の日は入れられません。")),
    "days_odd": ("days", _l("1から20までの数を入れてください。")),
    "stale": ("per_day", _l("ほかの人が先に変更しました。いまの値を確かめて、もう一度保存してください。")),
}
# Beside each other as on a map's legend, so that a rep's area is ticked in one place.
REGIONS = (
    (_l("北海道・東北"), PREFECTURES[0:7]),
    (_l("関東"), PREFECTURES[7:14]),
    (_l("中部"), PREFECTURES[14:23]),
    (_l("近畿"), PREFECTURES[23:30]),
    (_l("中国・四国"), PREFECTURES[30:39]),
    (_l("九州・沖縄"), PREFECTURES[39:47]),
)


@pages.get("", strict_slashes=False)
@needs()
def list_GET() -> ResponseReturnValue:
    return _page(edited=request.args.get("user", type=int))


@pages.post("/<int:user_id>")
@needs()
def share_POST(user_id: int) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    try:
        share = Share(
            territory=tuple(name for name in PREFECTURES if name in form.getlist("territory")),
            per_day=form.get("per_day", -1, type=int),
            away_until=_away(form.get("away_until", "")),
            hands_over="hands_over" in form,
        )
        moved = staff.save(
            parts, user_id, share, version=form.get("version", 0, type=int), by=me(), now=_now()
        )
    except StaffError as error:
        if error.code == "not_yours":
            abort(403)
        status = 409 if error.code == "stale" else 422
        return _page(edited=user_id, errors=_said(error), form=form), status
    except LookupError:
        abort(404)
    flash(_("保存しました。"), "ok")
    if moved:
        flash(_("期日が休みのあいだに来るアクション%(n)s件を、ほかの人に割り振りました。", n=moved), "info")
    return redirect(url_for(".list_GET"), code=303)


@pages.post("/late")
@needs("sales_manager")
def late_POST() -> ResponseReturnValue:
    try:
        staff.set_late_days(_parts(), request.form.get("days", 0, type=int), by=me(), now=_now())
    except StaffError as error:
        return _page(errors=_said(error), form=request.form), 422
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".list_GET"), code=303)


def _page(
    *,
    edited: int | None = None,
    errors: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> str:
    found, days = staff.every(_parts(), now=_now())
    return render_template(
        "web/staff/index.html",
        found=found,
        days=days,
        edited=next((one for one in found if one.id == edited and _may_edit(one.id)), None),
        may_edit=_may_edit,
        is_leader=me().role in LEADERS,
        errors=errors or {},
        form=form or {},
        chosen=request.form.getlist("territory") if request.method == "POST" else None,
        regions=REGIONS,
        done_days=staff.DONE_DAYS,
        today=_now().astimezone(_parts().settings.tz).date(),
    )


def _may_edit(user_id: int) -> bool:
    return me().role in LEADERS or me().id == user_id


def _away(typed: str) -> date | None:
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise StaffError("away_odd") from None


def _said(error: StaffError) -> dict[str, str]:
    field, text = ERRORS[error.code]
    return {field: str(text)}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
