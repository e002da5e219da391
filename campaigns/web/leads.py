"""Lead ranks by product, the people behind every number, and hand-offs to sales."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.surges import TOLD_AGAIN_AFTER
from campaigns.rules.touchpoints import CAPS
from campaigns.services import hand_over, show_leads
from campaigns.services.hand_over import Answer, HandOffMoved, ReasonMissing
from campaigns.storage import leads as stored
from campaigns.storage.leads import RANKS
from campaigns.web import lead_words
from campaigns.web.session import needs

pages = Blueprint("leads", __name__, url_prefix="/leads")
PAGE = 50
# Chips of the hand-off list: the states each one shows.
GROUPS = {
    "waiting": ("offered", "proposed"),
    "held": ("held",),
    "accepted": ("accepted",),
    "returned": ("returned",),
    "ended": ("won", "lost", "no_deal", "timeout"),
}


@pages.get("")
@needs("marketer", "inside_sales")
def list_GET() -> ResponseReturnValue:
    args = request.args
    rank, product_id = args.get("rank", ""), args.get("product", type=int)
    if rank and rank not in RANKS:
        abort(404)
    score = args.get("score", type=float)
    after = (score, args.get("id", 0, type=int)) if score is not None else None
    stirred, parts, now = "stirred" in args, _parts(), _now()
    with parts.engine.connect() as tx:
        boards = stored.board(tx)
        chosen = next((b for b in boards if b.product_id == product_id), boards[0] if boards else None)
        surges = stored.stirred(tx, chosen.product_id, since=now - TOLD_AGAIN_AFTER) if chosen else 0
    lines = (
        show_leads.page(
            parts, chosen.product_id, now=now, rank=rank, stirred=stirred, after=after, limit=PAGE + 1
        )
        if chosen
        else []
    )
    return render_template(
        "web/leads/list.html",
        boards=boards,
        chosen=chosen,
        rank=rank,
        ranks=RANKS,
        stirred=stirred,
        surges=surges,
        caps=CAPS,
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        seen=max(0, args.get("seen", 0, type=int)),
        words=lead_words,
    )


@pages.get("/hand-offs")
@needs("marketer", "inside_sales")
def hand_offs_GET() -> ResponseReturnValue:
    # A figure on another page names the state; the list shows the group it stands in.
    state = request.args.get("state", "")
    group = next(
        (name for name, states in GROUPS.items() if state in states), request.args.get("show", "waiting")
    )
    if group not in GROUPS:
        abort(404)
    parts = _parts()
    with parts.engine.connect() as tx:
        found = stored.hand_offs(tx, states=GROUPS[group], product_id=request.args.get("product", type=int))
        counts = stored.hand_off_counts(tx)
        boards = stored.board(tx)
    return render_template(
        "web/leads/hand_offs.html",
        found=found,
        group=group,
        groups={name: sum(counts.get(state, 0) for state in states) for name, states in GROUPS.items()},
        boards=boards,
        gates=hand_over.gates(parts, [board.product_id for board in boards], now=_now()),
        words=lead_words,
    )


@pages.post("/hand-offs/<int:hand_off_id>")
@needs("marketer", "inside_sales")
def hand_off_POST(hand_off_id: int) -> ResponseReturnValue:
    form = request.form
    back = url_for(".hand_offs_GET", show=form.get("show") if form.get("show") in GROUPS else None)
    if form.get("answer", "") not in list(Answer):
        abort(400)
    answer = Answer(form["answer"])
    try:
        hand_over.answer(
            _parts(),
            hand_off_id,
            answer,
            reason=form.get("reason", "").strip()[:500],
            user_id=current_user.id,
            now=_now(),
        )
    except ReasonMissing:
        flash(_("差し戻す理由を入れてください。理由は次の判定の精度を上げます。"), "error")
    except HandOffMoved as moved:
        state = lead_words.HAND_OFFS.get(moved.state, moved.state)
        flash(_("すでに「%(state)s」になっています。", state=state), "info")
    except LookupError:
        abort(404)
    else:
        flash(_("「%(state)s」にしました。", state=lead_words.HAND_OFFS[answer.value]), "ok")
    return redirect(back, code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
