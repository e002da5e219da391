"""Scenarios as files: download one, look through one that was sent, bring it in."""

from __future__ import annotations

import re
from datetime import datetime

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.services import yaml_scenario
from campaigns.services.yaml_scenario import Read
from campaigns.storage import scenarios
from campaigns.web import scenario_file_words as words
from campaigns.web import scenario_words
from campaigns.web.files import saved_as
from campaigns.web.session import needs

pages = Blueprint("scenario_files", __name__, url_prefix="/scenarios")

_NOT_IN_NAMES = re.compile(r"[^\w.\-ぁ-んァ-ヶ一-龠々ー]+")
LINE_SHOWN = 120


@pages.get("/<int:scenario_id>/file")
@needs("marketer")
def file_GET(scenario_id: int) -> ResponseReturnValue:
    """The scenario's newest version as YAML."""
    name, text = yaml_scenario.export(_parts(), scenario_id)
    answer = Response(text, mimetype="application/yaml")
    safe = _NOT_IN_NAMES.sub("_", name).strip("_")[:80] or "scenario"
    answer.headers["Content-Disposition"] = saved_as(f"{safe}.yaml")
    return answer


@pages.get("/import")
@needs("marketer")
def import_GET() -> ResponseReturnValue:
    return _page("", None)


@pages.post("/import")
@needs("marketer")
def import_POST() -> ResponseReturnValue:
    """Look through a file; with `then=bring` and a product, bring it in."""
    data = _sent()
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    seen = yaml_scenario.read(data)
    product_id = request.form.get("product_id", type=int)
    if seen.file is None or request.form.get("then") != "bring":
        return _page(text, seen), 422 if seen.faults else 200
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    if product_id not in {id for id, _name in products}:
        return _page(text, seen, wrong_product=True), 422
    scenario_id = yaml_scenario.bring_in(
        _parts(), seen.file, product_id=product_id or 0, user_id=current_user.id, now=_now()
    )
    flash(
        _(
            "「%(name)s」を下書きとして取り込みました。内容%(n)s件は、目を通して承認してから公開できます。",
            name=seen.file.name,
            n=len(seen.file.contents),
        ),
        "ok",
    )
    return redirect(url_for("scenarios.design_GET", scenario_id=scenario_id), code=303)


def _sent() -> bytes:
    """A chosen file goes before the words of the form, which hold the file of the last look."""
    file = request.files.get("file")
    if file is not None and file.filename:
        return file.stream.read(yaml_scenario.MAX_BYTES + 1)
    return request.form.get("text", "").replace("\r\n", "\n").encode("utf-8", "replace")


def _page(text: str, seen: Read | None, *, wrong_product: bool = False) -> str:
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    lines = text.split("\n")
    faults = [
        (fault.line, words.fault(fault), lines[fault.line - 1].strip()[:LINE_SHOWN])
        if 0 < fault.line <= len(lines)
        else (fault.line, words.fault(fault), "")
        for fault in (seen.faults if seen else ())
    ]
    return render_template(
        "web/scenarios/import.html",
        text=text[: yaml_scenario.MAX_BYTES],
        seen=seen,
        faults=faults,
        products=products,
        product_id=request.form.get("product_id", type=int),
        wrong_product=wrong_product,
        words=scenario_words,
        kinds=words.ROW_KINDS,
        titles={content.name: content.title for content in seen.file.contents} if seen and seen.file else {},
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
