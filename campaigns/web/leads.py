"""Lead ranks by product, and the people behind every number."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.rules.surges import TOLD_AGAIN_AFTER
from campaigns.rules.touchpoints import CAPS
from campaigns.services import count_leads, show_leads
from campaigns.storage import leads as stored
from campaigns.storage.leads import RANKS
from campaigns.web import lead_words
from campaigns.web.session import needs

pages = Blueprint("leads", __name__, url_prefix="/leads")
PAGE = 50


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    args = request.args
    rank, product_id = args.get("rank", ""), args.get("product", type=int)
    if rank and rank not in RANKS:
        abort(404)
    score = args.get("score", type=float)
    after = (score, args.get("id", 0, type=int)) if score is not None else None
    stirred, parts, now = "stirred" in args, _parts(), _now()
    with parts.engine.connect() as tx:
        boards = stored.board(tx, count_leads.read(_parts()))
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


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
