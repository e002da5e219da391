"""Every address of the application with its methods, and a path that fits it: for tests that walk them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Route:
    """endpoint: "blueprint.view"; path: the rule with 1 for each number and word."""

    endpoint: str
    rule: str
    path: str
    method: str


def every(app: Flask) -> Iterator[Route]:
    """Each address once a method, sorted; HEAD and OPTIONS left out."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        path = re.sub(r"<[^>]*>", "1", re.sub(r"<any\((\w+).*?>", r"\1", rule.rule))
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield Route(rule.endpoint, rule.rule, path, method)


def field_names() -> list[str]:
    """Names of all fields that a page reads from its query or form, found in the source of the pages."""
    found = {"page", "version"}
    for path in [*(ROOT / "campaigns" / "web").glob("*.py"), *(ROOT / "campaigns" / "services").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        found.update(re.findall(r"""(?:args|form|values)(?:\.get(?:list)?\(|\[)"([\w-]+)\"""", text))
    for path in (ROOT / "templates").rglob("*.html"):
        found.update(re.findall(r'\bname="([\w-]+)"', path.read_text(encoding="utf-8")))
    return sorted(found - {"csrf_token", "viewport", "color-scheme", "robots"})
