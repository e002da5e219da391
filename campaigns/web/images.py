"""Hosted images: public, since recipients see them; the address names the hash, so it may be kept for ever."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.services import upload
from campaigns.storage.images import EXTENSIONS

pages = Blueprint("images", __name__)


@pages.get("/image/<int:image_id>-<prefix>.<extension>")
def image_GET(image_id: int, prefix: str, extension: str) -> ResponseReturnValue:
    parts: Parts = current_app.extensions["ikusei"]
    found = upload.read(parts, image_id, prefix)
    if found is None or EXTENSIONS[found[0].mime] != extension:
        return abort(404)
    image, data = found
    answer = Response(data, mimetype=image.mime)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    # Mail programs on the web show it from another origin.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
