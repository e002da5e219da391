"""What can go wrong with a mail. The tree is drawn in `mailer/__init__.py`."""

from __future__ import annotations


class MailError(Exception):
    """Anything this library refuses or cannot do."""


class TemplateError(MailError):
    """A template that cannot be published or rendered. line counts from 1; 0 is not known."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.message = message


class HeaderError(MailError):
    """A header value that may not go on the wire. field: the header's name; reason: a code."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class DkimError(MailError):
    """A key, selector or domain that cannot sign, in words for the person who made it."""


class JournalError(MailError):
    """The hand-over journal cannot hold another record, so the body must not start."""


class SendError(MailError):
    """The server's answer, or the lack of one. code 0: no answer of the server."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class Temporary(SendError):
    """Not accepted now; the same mail may be tried again."""
