"""Customer classes: figures, the rules with their effect, the monthly review, owners, and whom we cannot write to."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules.classes import Basis, Class, Rules, RulesError
from campaigns.rules.figures import HeadError
from campaigns.rules.texts import ListError
from campaigns.services import classify, import_figures, review_classes
from campaigns.services.import_figures import FiguresWrong, Imported
from campaigns.services.review_classes import SHOWN, Stale
from campaigns.storage import timeline
from campaigns.storage.classes import UNMANAGED
from campaigns.web import class_words, hand_off_words, import_words, lead_words
from campaigns.web.session import me, needs

pages = Blueprint("classes", __name__, url_prefix="/classes")
EDITORS = ("marketer", "sales_manager")
BASES = {Basis.PROFIT: _l("年間利益"), Basis.SALES: _l("年間売上")}
RULE_ERRORS = {
    "odd": _l("0より大きく100以下の数を入れてください（小数は2桁まで）。"),
    "order": _l("Aの範囲より大きい値にしてください。"),
}
FIGURE_ERRORS = {
    "no_company": _l("企業名も法人番号もありません。"),
    "hojin_odd": _l("法人番号は13桁の数字です。"),
    "date_odd": _l("日付として読み取れません。"),
    "in_the_future": _l("まだ来ていない日です。"),
    "formula": _l("数式のセルは読み込めません。"),
    "wide": _l("見出しより多くのセルがあります。桁区切りのある金額は、引用符で囲んでください。"),
    "unknown": _l("この企業は登録されていません。"),
    "several": _l("同じ名前の企業が複数あります。法人番号を入れてください。"),
    "twice": _l("同じ企業が、前の行にもあります。"),
}
HEAD_ERRORS = {
    "no_company": _l("「企業名」か「法人番号」の列が見つかりません。1行目に見出しを入れてください。"),
    "no_figures": _l("「最後の取引日」「年間利益」「年間売上」のどの列も見つかりません。"),
    "twice": _l("同じ意味の列が2つあります：%(column)s"),
}
COLUMNS = {
    "company": _l("企業名"),
    "hojin_no": _l("法人番号"),
    "last_deal_on": _l("最後の取引日"),
    "profit_12m_yen": _l("年間利益"),
    "sales_12m_yen": _l("年間売上"),
}


@pages.app_context_processor
def _names() -> dict[str, object]:
    return {"class_name": class_words.name}


@pages.get("")
@needs()
def index_GET() -> ResponseReturnValue:
    """With other rules in the address, what they would move; nothing is written."""
    errors: dict[str, str] = {}
    wanted = None
    if "preview" in request.args and may_edit():
        try:
            wanted = Rules.read(request.args)
        except RulesError as error:
            errors = _words(error)
    return _page(form=request.args if wanted or errors else {}, errors=errors, wanted=wanted), (
        422 if errors else 200
    )


def _page(
    *,
    form: Mapping[str, str],
    errors: Mapping[str, str],
    wanted: Rules | None = None,
    wrong: FiguresWrong | None = None,
    imported: Imported | None = None,
) -> str:
    parts, now = _parts(), _parts().clock.now()
    shown = review_classes.overview(parts, now=now)
    with parts.engine.connect() as tx:
        users = timeline.users(tx)
    return render_template(
        "web/classes/index.html",
        shown=shown,
        classes=[one.value for one in Class],
        form=form,
        errors=errors,
        wanted=wanted,
        moves=classify.preview(parts, wanted, now=now) if wanted else None,
        wrong=wrong,
        imported=imported,
        bases=BASES,
        users=users,
        most=SHOWN,
        unmanaged=UNMANAGED,
        may_edit=may_edit(),
        words=lead_words,
        columns=COLUMNS,
        figure_error=figure_error,
    )


@pages.post("/rules")
@needs(*EDITORS)
def rules_POST() -> ResponseReturnValue:
    form = request.form
    try:
        done = review_classes.set_rules(
            _parts(),
            Rules.read(form),
            label_c1=form.get("label_c1", ""),
            label_c2=form.get("label_c2", ""),
            version=form.get("version", 0, type=int),
            user_id=me().id,
            now=_parts().clock.now(),
        )
    except RulesError as error:
        return _page(form=form, errors=_words(error)), 422
    except Stale:
        flash(_("ほかの人が先に変更しました。いまの値を確かめて、もう一度保存してください。"), "warn")
        return _page(form=form, errors={}), 409
    flash(_("基準を保存しました。管理区分が変わったのは%(n)s社です。", n=len(done.moved)), "ok")
    return redirect(url_for(".index_GET"), code=303)


@pages.post("/review")
@needs(*EDITORS)
def review_POST() -> ResponseReturnValue:
    """Accept or keep: the row whose button was pressed, the chosen ones, or all that wait."""
    action, _sep, one = request.form.get("do", "").partition(":")
    ids: list[int] | None = [int(one)] if one.isdecimal() else request.form.getlist("company", type=int)
    if action in ("accept_all", "keep_all"):
        ids = None
    elif not ids:
        flash(_("企業を選んでください。"), "error")
        return redirect(url_for(".index_GET", _anchor="review"), code=303)
    accepts = action.startswith("accept")
    n = review_classes.decide(_parts(), ids, accepts=accepts, user_id=me().id, now=_parts().clock.now())
    if accepts:
        flash(_("%(n)s社の管理区分を変えました。", n=n), "ok")
    else:
        flash(_("%(n)s社は、いまの管理区分のままにしました。来月また確かめます。", n=n), "ok")
    return redirect(url_for(".index_GET", _anchor="review"), code=303)


@pages.post("/owner")
@needs(*EDITORS)
def owner_POST() -> ResponseReturnValue:
    form = request.form
    ids, owner_id = form.getlist("company", type=int), form.get("owner_user_id", type=int)
    if not ids or owner_id is None:
        flash(_("企業と担当営業を選んでください。"), "error")
        return redirect(url_for(".index_GET", _anchor="owners"), code=303)
    try:
        n = review_classes.give_owner(
            _parts(), ids, owner_user_id=owner_id, user_id=me().id, now=_parts().clock.now()
        )
    except LookupError:
        flash(_("担当営業を選び直してください。"), "error")
    else:
        flash(_("%(n)s社の担当営業を決めました。", n=n), "ok")
    return redirect(url_for(".index_GET", _anchor="owners"), code=303)


@pages.post("/figures")
@needs(*EDITORS)
def figures_POST() -> ResponseReturnValue:
    """A list of what companies bought."""
    sent = request.files.get("file")
    data = sent.read() if sent else b""
    try:
        done = import_figures.run(
            _parts(),
            data,
            skips_unknown="skips_unknown" in request.form,
            user_id=me().id,
            now=_parts().clock.now(),
        )
    except ListError as error:
        return _page(form={}, errors={"file": import_words.list_error(error)}), 422
    except HeadError as error:
        text = (
            str(HEAD_ERRORS[error.code]) % {"column": error.column}
            if error.column
            else str(HEAD_ERRORS[error.code])
        )
        return _page(form={}, errors={"file": text}), 422
    except FiguresWrong as wrong:
        return _page(form={}, errors={}, wrong=wrong), 422
    return _page(form={}, errors={}, imported=done)


@pages.get("/missing")
@needs()
def missing_GET() -> ResponseReturnValue:
    """Companies of D and E without a name or a mailbox."""
    cls, after = request.args.get("class", "E"), request.args.get("after", 0, type=int)
    if cls not in UNMANAGED:
        abort(404)
    found = review_classes.incomplete(_parts(), cls, after=after)
    return render_template(
        "web/classes/missing.html",
        found=found[:SHOWN],
        has_more=len(found) > SHOWN,
        cls=cls,
        classes=UNMANAGED,
        after=after,
        words=lead_words,
    )


@pages.post("/missing")
@needs()
def missing_POST() -> ResponseReturnValue:
    n = review_classes.ask_for_addresses(
        _parts(), request.form.getlist("company", type=int), user_id=me().id, now=_parts().clock.now()
    )
    if n:
        flash(_("メールアドレス入手のアクションを%(n)s件作りました。", n=n), "ok")
    else:
        flash(_("新しく作れるアクションはありません。担当者のいる企業を選んでください。"), "info")
    cls = request.form.get("class", "")
    chosen = {"class": cls} if cls in UNMANAGED else {}
    return redirect(url_for(".missing_GET", **chosen), code=303)  # type: ignore[arg-type]


def figure_error(column: str, code: str) -> str:
    """Why a cell cannot be, in words."""
    if column.endswith("_yen") and code in hand_off_words.MONEY_ERRORS:
        return str(hand_off_words.MONEY_ERRORS[code])
    return str(FIGURE_ERRORS.get(code, code))


def _words(error: RulesError) -> dict[str, str]:
    return {field: str(RULE_ERRORS[code]) for field, code in error.errors.items()}


def may_edit() -> bool:
    return me().role in (*EDITORS, "admin")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
