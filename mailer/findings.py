"""What the linter finds: codes with lines and levels, for a page to word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """Which of the four texts."""

    SUBJECT = "subject"
    PREHEADER = "preheader"
    HTML = "html"
    TEXT = "text"


class Level(StrEnum):
    """An error stops publishing, a warning must be read first, a notice is only said."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. line counts from 1, 0 is the whole part. args: for the words of `message_code`.

    Codes, errors: empty, syntax(detail, kind, name), not_allowed(what), unknown_field(name, near),
    unknown_filter(name), unknown_test(name), loop_not_allowed, too_long(limit), too_many_tags(limit),
    too_many_filters(limit), too_nested, too_slow(seconds), output_too_large(limit), too_many_links(limit),
    character_refused(char), element_refused(name), handler_refused(name), outside_style, link_empty,
    link_characters(url), link_invalid(url), link_scheme(url), link_host(url), link_field(url),
    image_scheme(url), reserved_field(name), body_not_closed, tag_unclosed(name), tag_unopened(name),
    tag_crossed(name, more), table_misplaced(name, more), branch_unbalanced(name, more), block_in_tag,
    tags_too_deep, mjml(detail), mjml_root, mjml_element(name), mjml_include, mjml_text, mjml_less.
    Warnings: missing_alt(url), no_link_text(url), link_insecure(url), image_insecure(url), html_large(size),
    subject_long(count), block_in_p(name), tag_unclosed(name) of p, li and cells, text_empty,
    text_lacks_links(count), field_empty(name, count, all).
    Notices: text_missing, preheader_missing.
    """

    part: Part
    line: int
    message_code: str
    args: Mapping[str, str] = field(default_factory=dict)
    level: Level = Level.ERROR


def is_publishable(problems: Iterable[Problem]) -> bool:
    """No finding is an error."""
    return all(problem.level is not Level.ERROR for problem in problems)
