"""The line that our page script puts at the foot of a page: its words, as they stand in the settings, and its script.

For other people's pages: no session, no cookie. Without a database there is no line, and a site that asks first
measures nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

from flask import Blueprint, current_app, g, make_response
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.services import tell_visitors

pages = Blueprint("site_script", __name__)

# Both languages at once: the page that shows them is in one of them, whatever a reader of ours has chosen.
WORDS = {
    "ja": {
        "label": "閲覧の記録について",
        "yes": "記録を許可する",
        "no": "記録を断る",
        "done": "承知しました。このブラウザーでは、閲覧を記録しません。",
        "close": "閉じる",
        "more": "個人情報の取り扱い",
    },
    "en": {
        "label": "About recording visits",
        "yes": "Allow recording",
        "no": "Do not record",
        "done": "Understood. Visits in this browser will not be recorded.",
        "close": "Close",
        "more": "Privacy",
    },
}


@pages.before_request
def _nobody() -> None:
    g.asks_nobody = True


@pages.get("/consent.js")
def consent_GET() -> Response:
    parts: Parts = current_app.extensions["ikusei"]
    told = tell_visitors.texts(parts).now
    texts = {
        "ja": {"text": told.ja, "asking": told.ask_ja},
        "en": {"text": told.en, "asking": told.ask_en},
    }
    privacy = f"{parts.settings.base_url}/privacy"
    words = {
        lang: {**said, **texts[lang], "lang": lang, "privacy": f"{privacy}?lang={lang}"}
        for lang, said in WORDS.items()
    }
    script = (Path(str(current_app.static_folder)) / "consent.js").read_text(encoding="utf-8")
    answer = make_response(f"window.ikuseiWords = {json.dumps(words)};\n{script}")
    answer.headers["Content-Type"] = "text/javascript; charset=utf-8"
    answer.headers["Cache-Control"] = "public, max-age=300"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
