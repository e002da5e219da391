"""What holds for every fax: numbers that want none, and the mail-to-fax gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.services import refuse_fax, set_up_fax
from campaigns.services.set_up_fax import FaxError, Settings
from campaigns.storage import fax_refusals
from campaigns.web import fax_words
from campaigns.web.fax_replies import pages
from campaigns.web.session import me, needs

__all__ = ["pages"]
EVIDENCE_MAX = 500


@pages.get("/refusals")
@needs()
def refusals_GET() -> ResponseReturnValue:
    return _refusals(errors={})


@pages.post("/refusals")
@needs()
def refusals_POST() -> ResponseReturnValue:
    form = request.form
    try:
        digits, is_new = refuse_fax.run(
            _parts(),
            form.get("number", ""),
            evidence=form.get("evidence", "").strip()[:EVIDENCE_MAX],
            user_id=me().id,
            now=_now(),
        )
    except FaxError as error:
        return _refusals(errors={"number": str(fax_words.ERRORS[error.code])}), 422
    number = rule.printed(digits)
    if is_new:
        flash(_("%(number)s へは、今後FAXを送りません。", number=number), "ok")
    else:
        flash(_("%(number)s は、すでに登録されています。", number=number), "info")
    return redirect(url_for(".refusals_GET"), code=303)


@pages.post("/refusals/<int:refusal_id>/lift")
@needs("admin")
def lift_POST(refusal_id: int) -> ResponseReturnValue:
    number = refuse_fax.lift(_parts(), refusal_id, user_id=me().id, now=_now())
    if not number:
        abort(404)
    flash(_("%(number)s への送信を再開できます。", number=rule.printed(number)), "ok")
    return redirect(url_for(".refusals_GET"), code=303)


# --- settings


@pages.get("/settings")
@needs("admin")
def settings_GET() -> ResponseReturnValue:
    return render_template(
        "web/faxes/settings.html", found=set_up_fax.settings(_parts()), form={}, errors={}, words=fax_words
    )


@pages.post("/settings")
@needs("admin")
def settings_POST() -> ResponseReturnValue:
    form = request.form
    old = set_up_fax.settings(_parts())
    new = Settings(
        gateway=form.get("gateway", "").strip().lower().lstrip("@"),
        from_address=form.get("from_address", "").strip(),
        return_number=rule.key(form.get("return_number", "")),
        per_minute=form.get("per_minute", 0, type=int),
    )
    try:
        set_up_fax.save(_parts(), new, user_id=me().id, now=_now())
    except FaxError as error:
        field = {"gateway_odd": "gateway", "from_odd": "from_address", "number_odd": "return_number"}
        errors = {field.get(error.code, "per_minute"): str(fax_words.ERRORS[error.code])}
        page = render_template(
            "web/faxes/settings.html", found=old, form=form, errors=errors, words=fax_words
        )
        return page, 422
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".settings_GET"), code=303)


def _refusals(errors: Mapping[str, str]) -> str:
    q = rule.key(request.args.get("q", ""))
    with _parts().engine.connect() as tx:
        found = fax_refusals.listed(tx, q=q)
    return render_template(
        "web/faxes/refusals.html",
        found=found,
        q=request.args.get("q", ""),
        form=request.form,
        errors=errors,
        words=fax_words,
        printed=rule.printed,
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
