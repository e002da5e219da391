"""The rules of the whole house, for admins."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import house_rules
from campaigns.services.house_rules import HouseError
from campaigns.storage.house import House
from campaigns.web.session import me, needs

pages = Blueprint("house", __name__, url_prefix="/house")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


@pages.get("/", strict_slashes=False)
@needs("admin")
def index_GET() -> ResponseReturnValue:
    return render_template("web/house/index.html", house=house_rules.read(_parts()), errors={})


@pages.post("/", strict_slashes=False)
@needs("admin")
def index_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    new = House(
        cap_max=form.get("cap_max", 0, type=int),
        cap_reason=form.get("cap_reason", ""),
        calls=form.get("calls", -1, type=int),
        stale_days=form.get("stale_days", 0, type=int),
        version=form.get("version", 0, type=int),
    )
    try:
        house_rules.save(parts, new, user_id=me().id, now=parts.clock.now())
    except HouseError as error:
        page = render_template("web/house/index.html", house=new, errors=_errors(error), form=form)
        return page, 409 if error.code == "stale" else 422
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".index_GET"))


def _errors(error: HouseError) -> dict[str, str]:
    """What is wrong, by the field it stands at."""
    match error.code:
        case "cap_odd":
            return {"cap_max": _("1通から3通までの数を選んでください。")}
        case "reason_missing":
            return {
                "cap_reason": _(
                    "2通以上にするときは、理由を書いてください。あとから監査できるように残します。"
                )
            }
        case "calls_odd":
            return {"calls": _("0以上の整数で入力してください。")}
        case "days_odd":
            return {"stale_days": _("1日から365日までの整数で入力してください。")}
        case "cap_in_use":
            said = _(
                "今月以降、%(n)s名にこれより多いメールの予定があります。その月が過ぎてから減らしてください。",
                n=error.n,
            )
            return {"cap_max": said}
        case _:
            return {"": _("ほかの人が先に変更しました。もう一度確かめてください。")}
