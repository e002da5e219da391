"""The API for other programs: JSON in, JSON out, a token in the header. Described in docs/api.md.

No cookie counts here, so no page can be made to press anything in somebody's name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, g, jsonify, make_response, request
from flask_babel import lazy_gettext as _l
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules import api_touches
from campaigns.rules.api_touches import ID_MAX, ApiError
from campaigns.rules.matching import email_key
from campaigns.services import api_tokens, enter_touches
from campaigns.services.api_tokens import READ, WRITE, NotAdmitted
from campaigns.services.enter_touches import Outcome
from campaigns.storage.timeline import Touch
from campaigns.web import words

pages = Blueprint("api", __name__, url_prefix="/api")
BODY_MAX = 4 * 1024 * 1024
PAGE, PAGE_MAX = 100, 500
STATUS = {"no_token": 401, "unknown_token": 401, "no_scope": 403, "too_often": 429, "unknown_person": 404}
MESSAGES: words.Table = {
    "no_token": _l("Authorization: Bearer にトークンがありません。"),
    "unknown_token": _l("このトークンは使えません。無効にされたか、間違っています。"),
    "no_scope": _l("このトークンには、この操作の権限がありません。"),
    "too_often": _l("回数が多すぎます。1分後にもう一度送ってください。"),
    "no_json": _l("JSONとして読めません。Content-Type: application/json で送ってください。"),
    "no_object": _l("JSONのオブジェクト（{ }）を入れてください。"),
    "no_list": _l("一覧（[ ]）を入れてください。"),
    "empty": _l("1件も入っていません。"),
    "too_many": _l("1回に送れるのは1,000件までです。"),
    "too_large": _l("大きすぎます。1回に4 MBまでです。"),
    "unknown_field": _l("知らない項目です。綴りを確かめてください。"),
    "missing": _l("必要な項目がありません。"),
    "not_a_text": _l("文字列で入れてください。"),
    "too_long": _l("長すぎます。"),
    "bad_text": _l("使えない文字があります。"),
    "not_an_id": _l("正しい番号ではありません。"),
    "bad_email": _l("メールアドレスの形になっていません。"),
    "unknown_kind": _l("知らない種別です。"),
    "bad_instant": _l("日時が読めません。2026-11-24 か 2026-11-24T10:00:00+09:00 の形で入れてください。"),
    "no_offset": _l("時刻には時差（+09:00 など）を付けてください。"),
    "in_the_future": _l("これからの日時です。あったことだけを送ってください。"),
    "bad_tags": _l("テーマは、カンマを含まない60文字までの文字列を20個までです。"),
    "unknown_person": _l("登録されていない方です。"),
    "ambiguous_person": _l("2名以上が当てはまります。番号かメールアドレスで指定してください。"),
    "unknown_product": _l("登録されていない商材です。known に、近い名前があります。"),
    "unknown_event": _l("登録されていない展示会・施策です。known に、近い名前があります。"),
    "no_creation": _l(
        "担当者はここでは作れません。メールを送ってよい根拠とともに、名簿の取込かフォームで登録してください。"
    ),
    "not_found": _l("このアドレスはありません。"),
    "not_allowed": _l("この方法では使えません。"),
    "away": _l("いま応えられません。何も書き込んでいません。30秒後にもう一度送ってください。"),
}


@pages.before_request
def nobody() -> None:
    """Pages ask who is reading; here a token says so."""
    g.asks_nobody = True


@pages.post("/touchpoints")
def touches_POST() -> Response:
    token = _admit(WRITE)
    if (request.content_length or 0) > BODY_MAX:
        return _error("too_large", 413)
    try:
        body = request.get_json(force=False, silent=False)
    except RequestEntityTooLarge:
        return _error("too_large", 413)
    except (HTTPException, ValueError, RecursionError):
        return _error("no_json", 400)
    told = api_touches.items_of(body)
    done = enter_touches.run(_parts(), told, token_id=token, now=_now())
    counts = {name: sum(one.status == name for one in done) for name in ("created", "known", "error")}
    answer = jsonify(
        created=counts["created"],
        known=counts["known"],
        errors=counts["error"],
        items=[_outcome(one) for one in done],
    )
    answer.status_code = _status(done, counts)
    return answer


def _status(done: list[Outcome], counts: dict[str, int]) -> int:
    """201 something is new, 200 all stood already, 207 some were refused, 404 or 422 nothing was taken."""
    if not counts["error"]:
        return 201 if counts["created"] else 200
    if counts["error"] < len(done):
        return 207
    return 404 if all(one.error == "unknown_person" for one in done) else 422


def _outcome(one: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"index": one.index, "key": one.key, "status": one.status}
    if one.status == "error":
        told |= {"error": one.error, "field": one.field, "message": words.word(MESSAGES, one.error)}
        return told | ({"known": list(one.names)} if one.names else {})
    return told | {"id": one.id, "person": one.person_id}


@pages.get("/touchpoints")
def touches_GET() -> Response:
    _admit(READ)
    args = request.args
    person = args.get("person", type=int)
    email = email_key(args.get("email", ""))
    if person is None and not email:
        raise ApiError("missing", "person")
    if person is not None and not 0 < person <= ID_MAX:
        raise ApiError("not_an_id", "person")
    limit = min(max(1, args.get("limit", PAGE, type=int)), PAGE_MAX)
    found = enter_touches.history(
        _parts(), person_id=person, email=email, before=args.get("before", type=int), limit=limit
    )
    touches = [_touch(touch) for touch in found.touches]
    before = touches[-1]["id"] if found.more else None
    return jsonify(person=found.person_id, touches=touches, before=before)


def _touch(touch: Touch) -> dict[str, Any]:
    return {
        "id": touch.id,
        "kind": touch.kind,
        "depth": touch.depth,
        "channel": touch.channel,
        "at": touch.at.isoformat(),
        "counts": touch.validity > 0,
        "product": {"id": touch.product_id, "name": touch.product} if touch.product_id else None,
        "event": {"id": touch.event_id, "name": touch.event} if touch.event_id else None,
        "title": touch.title,
        "note": touch.note,
        "tags": list(touch.tags),
        "withdrawn": touch.reversal or None,
    }


def _admit(scope: str) -> int:
    header = request.headers.get("Authorization", "")
    found = api_tokens.admit(_parts(), header, scope=scope, address=request.remote_addr or "", now=_now())
    return found.id


def _error(code: str, status: int, field: str = "") -> Response:
    answer = make_response(jsonify(error=code, field=field, message=words.word(MESSAGES, code)), status)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="ikusei"'
    if status in (429, 503):
        answer.headers["Retry-After"] = "60" if status == 429 else "30"
    return answer


@pages.errorhandler(NotAdmitted)
def _not_admitted(error: NotAdmitted) -> Response:
    return _error(error.code, STATUS[error.code])


@pages.errorhandler(ApiError)
def _api_error(error: ApiError) -> Response:
    return _error(error.code, STATUS.get(error.code, 422), error.field)


@pages.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    code = {404: "not_found", 405: "not_allowed", 413: "too_large"}.get(error.code or 500, "no_json")
    return _error(code, error.code or 500)


@pages.errorhandler(OperationalError)
@pages.errorhandler(InterfaceError)
@pages.errorhandler(PoolTimeout)
@pages.errorhandler(RedisError)
def _away(error: Exception) -> Response:
    return _error("away", 503)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
