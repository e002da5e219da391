"""Deleting: one plain question that names the thing, or why it cannot go and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.services import delete
from campaigns.storage.deletion import Thing, Tie
from campaigns.web.session import needs
from campaigns.web.words import number

pages = Blueprint("deletion", __name__, url_prefix="/delete")
AT = "/<any(scenario, product, content):noun>/<int:id>"

NOUNS = {
    "scenario": lazy_pgettext("one", "シナリオ"),
    "product": lazy_pgettext("one", "商材"),
    "content": lazy_pgettext("one", "メール"),
}
HOMES = {"scenario": "/scenarios/%d", "product": "/products/%d/basics", "content": "/mails/%d"}
LISTS = {"scenario": "/scenarios", "product": "/products", "content": "/mails"}
LOSES = {
    "scenario": _l(
        "下書きの%(n)s行と、シミュレーションの結果も消えます。行で使っているメールの文面は残ります。"
    ),
    "product": _l("名前、配信の設定、今すぐ客の基準など、この商材の設定が消えます。"),
    "content": _l("件名と本文が、すべての言語と相手の分まで消えます。"),
}
# Why it cannot go, what to do instead, and where: (words, the link's words, its address).
TIES = {
    "published": (
        _l(
            "公開したことのあるシナリオは、届いたメールの理由を説明できるように残します。使わないときは停止してください。"
        ),
        _l("シナリオを開く"),
        "/scenarios/%d",
    ),
    "people": (_l("登録された人が%(n)s名います。"), _l("シナリオを開く"), "/scenarios/%d"),
    "scenarios": (
        _l("シナリオか一斉配信が%(n)s件あります。先に、それぞれを削除してください。"),
        _l("シナリオの一覧"),
        "/scenarios",
    ),
    "contents": (
        _l("この商材のメールが%(n)s件あります。先に削除するか、商材を変えてください。"),
        _l("コンテンツの一覧"),
        "/mails?product=%d",
    ),
    "leads": (
        _l("この商材の見込み客が%(n)s名います。商材を使わないときは「使用中」を外してください。"),
        _l("見込み客を見る"),
        "/people?product=%d",
    ),
    "imports": (
        _l("この商材で取り込んだリストが%(n)s件あります。商材を使わないときは「使用中」を外してください。"),
        _l("取り込みの一覧"),
        "/imports",
    ),
    "forms": (
        _l("この商材のフォームが%(n)s件あります。先に、それぞれの商材を変えてください。"),
        _l("フォームの一覧"),
        "/forms",
    ),
    "records": (
        _l("この商材の接点、配信停止、仕事などの記録があります。使わないときは「使用中」を外してください。"),
        _l("商材を開く"),
        "/products/%d/basics",
    ),
    "told": (_l("シナリオの行か一斉配信で使われています。先に、その行を変えてください。"), "", ""),
    "mailed": (
        _l(
            "公開したメールは、届いた人に説明できるように残します。使わないときは「使用終了」にしてください。"
        ),
        _l("メールを開く"),
        "/mails/%d",
    ),
    "undone": (
        _l(
            "シナリオの「元に戻す」で、この内容の行が戻ることがあります。そのシナリオを公開すると削除できます。"
        ),
        _l("シナリオの一覧"),
        "/scenarios",
    ),
}


@dataclass(frozen=True, slots=True)
class Why:
    """One reason that it stays, with where to look: (words, address)."""

    text: str
    links: tuple[tuple[str, str], ...]


@pages.get(AT)
@needs("marketer")
def ask_GET(noun: str, id: int) -> ResponseReturnValue:
    return _page(delete.look(_parts(), noun, id))


@pages.post(AT)
@needs("marketer")
def ask_POST(noun: str, id: int) -> ResponseReturnValue:
    thing = delete.run(_parts(), noun, id, user_id=current_user.id, now=_now())
    if thing.ties:
        return _page(thing), 409
    flash(_("%(noun)s「%(name)s」を削除しました。", noun=NOUNS[noun], name=thing.name), "ok")
    return redirect(LISTS[noun], code=303)


def _page(thing: Thing) -> str:
    return render_template(
        "web/deletion/ask.html",
        thing=thing,
        noun=NOUNS[thing.noun],
        loses=str(LOSES[thing.noun]) % {"n": number(thing.rows)},
        why=[_why(thing, tie) for tie in thing.ties],
        home=HOMES[thing.noun] % thing.id,
        list=LISTS[thing.noun],
        here=url_for(".ask_POST", noun=thing.noun, id=thing.id),
    )


def _why(thing: Thing, tie: Tie) -> Why:
    words, link, address = TIES[tie.code]
    links = [(name, f"/scenarios/{id}") for id, name in tie.scenarios[:5]]
    if link:
        links.append((str(link), address % thing.id if "%d" in address else address))
    return Why(str(words) % {"n": number(tie.n)}, tuple(links))


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
