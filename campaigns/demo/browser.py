"""A small client for forms: what a marketer's browser does without scripts.

Forms are read from the page (hidden fields, the CSRF token, defaults), so the story uses the same pages
as people do and fails when one of them is broken.
"""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import html as markup

Value = str | Sequence[str] | tuple[str, bytes]


class PageError(RuntimeError):
    """A page answered with an error, or a form is not there: the message holds what it says."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answered page."""

    url: str
    text: str

    @property
    def tree(self) -> markup.HtmlElement:
        return markup.fromstring(self.text)

    def form(self, contains: str) -> markup.FormElement:
        """The form with a field or button of this name, or with an action that ends like this."""
        for form in self.tree.forms:
            names = [element.get("name") for element in form.iter("input", "select", "textarea", "button")]
            if contains in names or (form.get("action") or "").endswith(contains):
                return form
        raise PageError(f"no form with {contains!r} on {self.url}")

    def links(self, part: str) -> list[str]:
        """Addresses on the page that contain this, in order."""
        return [href for href in self.tree.xpath("//a/@href") if part in href]

    def says(self) -> str:
        """The visible words of the main part, on one line."""
        main = self.tree.xpath("//main") or [self.tree]
        return " ".join(main[0].text_content().split())


class Browser:
    """One signed-in person."""

    def __init__(self, base: str) -> None:
        self._base = base
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def get(self, path: str) -> Page:
        return self._open(urllib.request.Request(urllib.parse.urljoin(self._base, path)))  # noqa: S310

    def send(
        self, page: Page, form: str, values: Mapping[str, Value], *, press: tuple[str, str] | None = None
    ) -> Page:
        """Fill a form of the page and press its button; values of unknown fields are an error."""
        element = page.form(form)
        fields: list[tuple[str, Value]] = [
            (name, value) for name, value in element.form_values() if name not in values
        ]
        known = {item.get("name") for item in element.iter("input", "select", "textarea", "button")}
        for name in values:
            if name not in known:
                raise PageError(
                    f"no field {name!r} in form {form!r} on {page.url}: {sorted(n for n in known if n)}"
                )
        for name, value in values.items():
            if isinstance(value, str | tuple):
                fields.append((name, value))
            else:
                fields.extend((name, one) for one in value)
        if press:
            fields.append(press)
        body, kind = _encode(fields)
        action = urllib.parse.urljoin(page.url, element.get("action") or page.url)
        request = urllib.request.Request(  # noqa: S310
            action, data=body, headers={"Content-Type": kind, "Referer": page.url}
        )
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> Page:
        request.add_header("Accept-Language", "ja")
        try:
            with self._opener.open(request, timeout=60) as answer:
                return Page(answer.url, answer.read().decode("utf-8"))
        except urllib.error.HTTPError as error:
            page = Page(request.full_url, error.read().decode("utf-8", "replace"))
            raise PageError(f"{error.code} at {request.full_url}: {page.says()[:400]}") from error


def _encode(fields: list[tuple[str, Value]]) -> tuple[bytes, str]:
    """Form fields as multipart, since one of them may be a file (name, bytes)."""
    mark = uuid.uuid4().hex
    parts = []
    for name, value in fields:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, tuple):
            file_name, content = value
            assert isinstance(content, bytes)
            parts.append(
                f'{head}; filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
                + content
                + b"\r\n"
            )
        else:
            parts.append(f"{head}\r\n\r\n{value}\r\n".encode())
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"
