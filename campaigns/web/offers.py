"""One lead, by hand: offered to sales with what the gate says of it, put to rest until a day, taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import offer, pause_lead
from campaigns.services.hand_over import OutOfBounds
from campaigns.services.offer import Look, OfferError
from campaigns.services.pause_lead import PauseError
from campaigns.web import hand_off_words, lead_words
from campaigns.web.session import me, needs
from campaigns.web.words import full_day

pages = Blueprint("offers", __name__, url_prefix="/people/<int:person_id>/products/<int:product_id>")
OFFERING = ("inside_sales", "marketer", "sales_manager")
PAUSING = ("inside_sales", "field_sales", "marketer", "sales_manager")


@pages.get("/hand-off")
@needs(*OFFERING)
def offer_GET(person_id: int, product_id: int) -> ResponseReturnValue:
    return _offer_page(_look(person_id, product_id), {})


@pages.post("/hand-off")
@needs(*OFFERING)
def offer_POST(person_id: int, product_id: int) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    try:
        seen = offer.run(
            parts,
            person_id,
            product_id,
            words=form.get("words", ""),
            rep_user_id=form.get("rep_user_id", type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except OfferError as error:
        errors = {
            "words": {"words": str(hand_off_words.OFFER_ERRORS["words"])},
            "rep": {"rep_user_id": str(hand_off_words.OFFER_ERRORS["rep"])},
        }.get(error.code, {})
        return _offer_page(_look(person_id, product_id), errors), 422 if errors else 409
    except OutOfBounds:
        return _offer_page(_look(person_id, product_id), {}), 422
    except LookupError:
        abort(404)
    flash(
        _(
            "%(name)s様の引き渡しを営業に提案しました。担当に知らせます。",
            name=seen.one.name or _("（氏名なし）"),
        ),
        "ok",
    )
    return _to_person(person_id, product_id)


def _offer_page(seen: Look, errors: Mapping[str, str]) -> str:
    return render_template(
        "web/hand_offs/offer.html",
        seen=seen,
        one=seen.one,
        gate=seen.gate,
        errors=errors,
        form=request.form,
        words=lead_words,
        say=hand_off_words,
    )


@pages.post("/pause")
@needs(*PAUSING)
def pause_POST(person_id: int, product_id: int) -> ResponseReturnValue:
    parts, text = _parts(), request.form.get("until", "").strip()
    lead_id = _lead_id(person_id, product_id)
    try:
        until = date.fromisoformat(text) if text else None
    except ValueError:
        return _wrong_pause(person_id, product_id, {"until": "odd"})
    try:
        pause_lead.run(
            parts,
            lead_id,
            until=until,
            reason=request.form.get("reason", ""),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except PauseError as error:
        return _wrong_pause(person_id, product_id, error.errors)
    assert until is not None
    flash(_("%(day)sまで、この商材の連絡を止めました。", day=full_day(until)), "ok")
    return _to_person(person_id, product_id)


def _wrong_pause(person_id: int, product_id: int, errors: Mapping[str, str]) -> ResponseReturnValue:
    """The form again, with what was typed and what is wrong with it."""
    page = render_template(
        "web/hand_offs/pause.html",
        seen=_look(person_id, product_id),
        errors={field: hand_off_words.pause_error(field, code) for field, code in errors.items()},
        form=request.form,
    )
    return page, 422


@pages.post("/resume")
@needs(*PAUSING)
def resume_POST(person_id: int, product_id: int) -> ResponseReturnValue:
    pause_lead.resume(_parts(), _lead_id(person_id, product_id), user_id=me().id, now=_parts().clock.now())
    flash(_("この商材の連絡を再開しました。"), "ok")
    return _to_person(person_id, product_id)


def _look(person_id: int, product_id: int) -> Look:
    seen = offer.look(_parts(), person_id, product_id, now=_parts().clock.now())
    if seen is None:
        abort(404)
    return seen


def _lead_id(person_id: int, product_id: int) -> int:
    lead_id = _look(person_id, product_id).one.lead_id
    assert lead_id is not None
    return lead_id


def _to_person(person_id: int, product_id: int) -> ResponseReturnValue:
    return redirect(url_for("people.person_GET", person_id=person_id, product=product_id), code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
