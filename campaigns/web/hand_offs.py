"""Hand-offs: what sales are offered, have taken, and how it ended; why others wait; the trust that both sides see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import handoff
from campaigns.rules import opportunities as rules
from campaigns.rules.handoff import ReturnCode
from campaigns.rules.opportunities import FormError, Result
from campaigns.services import await_reply, hand_over, sales_word
from campaigns.services.await_reply import WaitError
from campaigns.services.catalogue import Invalid
from campaigns.services.hand_over import HandOffMoved, OutOfBounds, ReasonMissing
from campaigns.storage import hand_offs as stored
from campaigns.storage import products
from campaigns.storage.hand_offs import HandOff
from campaigns.web import hand_off_words, lead_words, product_words
from campaigns.web.session import me, needs
from campaigns.web.words import full_day, word

pages = Blueprint("hand_offs", __name__, url_prefix="/hand-offs")
PAGE = 50
WORDS_MAX = 500
# Tabs of the list: the states each one shows.
GROUPS = {
    "waiting": ("offered", "proposed"),
    "accepted": ("accepted",),
    "held": ("held",),
    "ended": ("won", "lost", "no_deal", "returned", "timeout", "withdrawn"),
}
SELLERS = ("field_sales", "sales_manager")
# Results that need no amount; an order is an opportunity's.
ENDINGS = (Result.LOST, Result.RIVAL, Result.NO_DEAL)


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    return _page()


def _page(at: int | None = None, errors: Mapping[str, str] | None = None) -> str:
    """The list of a tab. at, errors: the hand-off whose form was wrong, and how."""
    # A figure on another page names the state; the list shows the tab it stands in.
    state = request.values.get("state", "")
    group = next(
        (name for name, states in GROUPS.items() if state in states), request.values.get("show", "waiting")
    )
    if group not in GROUPS:
        abort(404)
    parts, now = _parts(), _parts().clock.now()
    product_id = request.args.get("product", type=int)
    mine = "mine" in request.args
    page = max(1, request.args.get("page", 1, type=int))
    with parts.engine.connect() as tx:
        found = stored.page(
            tx,
            states=(state,) if state in GROUPS[group] else GROUPS[group],
            product_id=product_id,
            rep_user_id=me().id if mine else None,
            limit=PAGE + 1,
            offset=(page - 1) * PAGE,
        )
        counts = stored.counts(tx)
        names = products.names(tx)
        reps = stored.reps(tx)
    gates = sales_word.gates(parts, [id for id, _name in names], now=now)
    return render_template(
        "web/hand_offs/list.html",
        found=found[:PAGE],
        has_more=len(found) > PAGE,
        page=page,
        group=group,
        state=state,
        states=GROUPS[group],
        counts=counts,
        groups={name: sum(counts.get(one, 0) for one in states) for name, states in GROUPS.items()},
        product_id=product_id,
        mine=mine,
        products=names,
        gates=gates,
        freed={
            one.id: handoff.freed_by(one.p_win, one.held_reason, gates[one.product_id].team, now=now)
            for one in found
            if one.state == "held" and one.product_id in gates
        },
        reps=reps,
        endings=ENDINGS,
        returns=list(ReturnCode),
        at=at,
        errors=errors or {},
        form=request.form,
        may_sell=me().role in (*SELLERS, "admin"),
        words=lead_words,
        say=hand_off_words,
    )


@pages.post("/<int:hand_off_id>/accept")
@needs(*SELLERS)
def accept_POST(hand_off_id: int) -> ResponseReturnValue:
    try:
        found = hand_over.accept(_parts(), hand_off_id, user_id=me().id, now=_parts().clock.now())
    except (HandOffMoved, OutOfBounds) as error:
        return _refused(error)
    except LookupError:
        flash(_("この引き渡しは、もうありません。見込度が変わり、引き渡しの候補から外れました。"), "info")
        return _back()
    flash(_("%(name)s様を受け入れました。この方への一斉メールは止まります。", name=found.name), "ok")
    return redirect(url_for(".list_GET", show="accepted"), code=303)


@pages.post("/<int:hand_off_id>/return")
@needs(*SELLERS)
def return_POST(hand_off_id: int) -> ResponseReturnValue:
    try:
        found = hand_over.send_back(
            _parts(),
            hand_off_id,
            code=request.form.get("code", ""),
            words=request.form.get("reason", "")[:WORDS_MAX],
            seen=request.form.get("seen", ""),
            user_id=me().id,
            now=_parts().clock.now(),
        )
    except ReasonMissing:
        is_other = request.form.get("code") == ReturnCode.OTHER
        text = _("その他の理由を書いてください。") if is_other else _("差し戻す理由を選んでください。")
        return _page(hand_off_id, {"return": text}), 422
    except HandOffMoved as moved:
        return _refused(moved)
    except LookupError:
        abort(404)
    flash(
        _(
            "%(name)s様を差し戻しました。会話や依頼がなければ、%(n)s日は引き渡しません。",
            name=found.name,
            n=handoff.REST_DAYS,
        ),
        "ok",
    )
    return _back()


@pages.post("/<int:hand_off_id>/end")
@needs(*SELLERS)
def end_POST(hand_off_id: int) -> ResponseReturnValue:
    """It ended before there was an amount."""
    parts = _parts()
    today = parts.clock.now().astimezone(parts.settings.tz).date()
    try:
        ending = rules.ending(request.form, today=today)
        if ending.result not in ENDINGS:
            raise FormError({"result": "missing"})
        hand_over.end(parts, hand_off_id, ending, user_id=me().id, now=parts.clock.now())
    except FormError as error:
        return _page(hand_off_id, hand_off_words.errors(error.errors)), 422
    except HandOffMoved as moved:
        return _refused(moved)
    except LookupError:
        abort(404)
    flash(_("「%(state)s」として記録しました。", state=word(hand_off_words.RESULTS, ending.result)), "ok")
    return _back()


@pages.post("/<int:hand_off_id>/wait")
@needs(*SELLERS)
def wait_POST(hand_off_id: int) -> ResponseReturnValue:
    """We wait for their reply."""
    parts = _parts()
    found = _hand_off(hand_off_id)
    try:
        text = request.form.get("due_on", "").strip()
        until = await_reply.start(
            parts,
            found.lead_id,
            due_on=date.fromisoformat(text) if text else None,
            note=request.form.get("note", "").strip()[:WORDS_MAX],
            assignee_id=found.rep_user_id,
            user_id=me().id,
            now=parts.clock.now(),
        )
    except WaitError as error:
        if error.code in ("past", "far"):
            return _page(hand_off_id, hand_off_words.errors({"due_on": error.code})), 422
        flash(hand_off_words.no_wait(error.code, found.name), "error")
        return _back()
    except ValueError:
        return _page(hand_off_id, hand_off_words.errors({"due_on": "odd"})), 422
    flash(_("返事待ちにしました。%(day)sに、確かめるアクションが出ます。", day=full_day(until)), "ok")
    return _back()


@pages.post("/<int:hand_off_id>/answered")
@needs(*SELLERS)
def answered_POST(hand_off_id: int) -> ResponseReturnValue:
    parts = _parts()
    found = _hand_off(hand_off_id)
    await_reply.end(parts, found.lead_id, user_id=me().id, now=parts.clock.now())
    flash(_("返事待ちを終えました。"), "ok")
    return _back()


@pages.post("/<int:hand_off_id>/rep")
@needs("sales_manager")
def rep_POST(hand_off_id: int) -> ResponseReturnValue:
    parts = _parts()
    rep_id = request.form.get("rep_user_id", type=int)
    if rep_id is None:
        return _page(hand_off_id, {"rep_user_id": _("担当を選んでください。")}), 422
    try:
        hand_over.name_rep(parts, hand_off_id, rep_user_id=rep_id, user_id=me().id, now=parts.clock.now())
    except HandOffMoved as moved:
        return _refused(moved)
    except LookupError:
        abort(404)
    flash(_("担当を決めました。本人に知らせます。"), "ok")
    return _back()


@pages.get("/trust")
@needs()
def trust_GET() -> ResponseReturnValue:
    return _trust()


@pages.post("/trust")
@needs("sales_manager")
def trust_POST() -> ResponseReturnValue:
    """What sales take today of a product."""
    parts = _parts()
    product_id = request.form.get("product", 0, type=int)
    try:
        sales_word.set_team(
            parts,
            product_id,
            appetite=request.form.get("appetite", ""),
            capacity=request.form.get("capacity_per_week", ""),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except Invalid as error:
        return _trust(product_id, product_words.errors(error.errors)), 422
    flash(_("営業の受入状態を記録しました。"), "ok")
    return redirect(url_for(".trust_GET", product=product_id), code=303)


def _trust(product_id: int | None = None, errors: Mapping[str, str] | None = None) -> str:
    parts, now = _parts(), _parts().clock.now()
    with parts.engine.connect() as tx:
        names = products.names(tx)
    wanted = product_id or request.args.get("product", type=int)
    chosen = next((one for one in names if one[0] == wanted), names[0] if names else None)
    return render_template(
        "web/hand_offs/trust.html",
        products=names,
        chosen=chosen,
        gates=sales_word.gates(parts, [id for id, _name in names], now=now),
        gate=sales_word.gate_of(parts, chosen[0], now=now) if chosen else None,
        record=sales_word.record(parts, chosen[0], now=now) if chosen else None,
        bars={
            appetite.value: handoff.bar(
                handoff.TeamState(appetite=appetite, set_at=now, wins=20, resolved=20), now=now
            )
            for appetite in handoff.Appetite
        },
        floor=handoff.TRUST_FLOOR,
        errors=errors or {},
        form=request.form,
        may_say=me().role in ("sales_manager", "admin"),
        words=lead_words,
        say=hand_off_words,
    )


def _refused(error: HandOffMoved | OutOfBounds) -> ResponseReturnValue:
    """Why nothing was done, said on the list."""
    if isinstance(error, OutOfBounds):
        flash(str(hand_off_words.OUT_OF_BOUNDS[error.code]) % {"name": error.name}, "error")
    elif error.state == "opportunity":
        flash(_("すでに案件になっています。案件のページで結果を入れてください。"), "info")
    else:
        state = lead_words.HAND_OFFS.get(error.state, error.state)
        flash(_("すでに「%(state)s」になっています。", state=state), "info")
    return _back()


def _back() -> ResponseReturnValue:
    show = request.form.get("show", "")
    return redirect(url_for(".list_GET", show=show if show in GROUPS else None), code=303)


def _hand_off(hand_off_id: int) -> HandOff:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, hand_off_id)
    if found is None:
        abort(404)
    return found


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
