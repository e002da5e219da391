"""Recipients in a notice written for people: whose line stands alone, who is named where mail goes to.

No table of mail systems: an address that begins a line (qmail, Exim, Postfix, sendmail, Exchange, Notes and
most gateways write it so) is a recipient; else one that words like "to" or "RCPT TO" lead to; else one that
our own mail inside was addressed to.
"""

from __future__ import annotations

import re

from mailer.bounces.own_mail import ADDRESS
from mailer.bounces.verdict import Evidence

_LINES_MAX = 600
_SECTION_MAX = 1_500
_FOUND_MAX = 100
_FIRST = re.compile(r"^[\s>*<\"'(\[・●■□◆\-+#|]{0,40}(?:mailto:|smtp:|rfc822;\s?)?$", re.IGNORECASE)
_LED = re.compile(
    r"(?:\b(?:to|for|recipients?|address(?:es)?|user|deliver\w*|mail ?box|rcpt|account|addressee|unknown"
    r"|failed|an|à|a|para|für"
    r"|per|адрес\w*|name)\b|宛|先|アドレス|ユーザ\w*|受信者)[^@\n\w]{0,40}(?:mailto:)?$",
    re.IGNORECASE,
)
_NAMED_FIRST = re.compile(
    r"^[\s>*]{0,20}[\"'\w](?:[^@<:\s]{0,30} ?){1,4}<(?:mailto:)?$|^[\s>*]{0,20}\S{1,60}<mailto:$",
    re.IGNORECASE,
)
_SENDER_BEFORE = re.compile(
    r"(?:\b(?:from|sender|sent by|envelope-from|return-path|reply-to|contact|postmaster|generated from"
    r"|help|support|mail from"
    r"|message-id|your account|von|de)\b|差出人|送信者|送信元|発信者)[^@\n]{0,40}$",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"^(?:mailer-daemon|mail-daemon|postmaster|maildaemon|mailerdaemon|abuse|helpdesk|no-?reply|support)@"
)
_TYPED = re.compile(r"^(?:smtp|rfc822|x400|mailto|to)=")
_ANNOUNCES = re.compile(
    r"(?:following|these|failed|undelivered|below|intended) .{0,40}(?:recipient|address|user|person"
    r"|people|destination)"
    r"|(?:recipient|address|user)(?:s|es|\(s\)|\(es\))? .{0,40}(?:failed|affected|follow|could not"
    r"|problem|error)"
    r"|(?:not|n't|cannot) (?:be )?(?:deliver|reach|sent)\w{0,4} .{0,20}to\s?:?\s*$"
    r"|(?:以下|次|下記)の.{0,20}(?:宛先|アドレス|あて先|受信者)",
    re.IGNORECASE,
)
_CODED = re.compile(r"(?<![\d.])(?:[45][0-5]\d[ -]|[45]\.\d\.\d{1,3}\b)")


def recipients(notice: str, *, senders: frozenset[str], addressed: tuple[str, ...]) -> list[Evidence]:
    """The recipients the text names, each with the words that follow. [] when it names none.

    senders: addresses of ours, which a notice also repeats. addressed: to whom our mail went, if it is there.
    """
    lines = notice.split("\n")[:_LINES_MAX]
    ranked: dict[int, list[tuple[str, int]]] = {1: [], 2: [], 3: [], 4: []}
    announced = -1
    for number, line in enumerate(lines):
        before = lines[number - 1] if number else ""
        for address, seen in _on_line(line[:2000], before):
            rank, known = seen, address in addressed
            if not known and (address in senders or _DAEMON.match(address)):
                # A mail to oneself comes back too: heard when nothing else is named.
                rank = 3 if rank < 3 and not addressed else 4
            elif rank == 4 and (known or (0 <= number - announced <= 3 and announced >= 0)):
                rank = 2
            ranked[rank].append((address, number))
        if announced < 0 and _ANNOUNCES.search(line[:300]):
            announced = number
    for rank in (1, 2, 3):
        # What stands before "to the following recipients:" repeats the mail's own To and Subject.
        if places := [place for place in ranked[rank] if place[1] >= announced]:
            return _with_words(lines, places)
    places = ranked[1] or ranked[2] or ranked[3]
    return _with_words(lines, places) if places else []


def about(notice: str, address: str) -> Evidence:
    """What a notice says about an address that is already known."""
    lines = notice.split("\n")[:_LINES_MAX]
    places = {(address, number) for number, line in enumerate(lines) if address in line.lower()}
    if not address or not places:
        return Evidence(address, context=told(notice))
    for number, line in enumerate(lines):
        first = ADDRESS.search(line[:2000])
        if first and first[0].lower() != address and _FIRST.match(line[: first.start()]):
            places.add((first[0].lower(), number))
    spots = sorted(places, key=lambda spot: spot[1])
    return next(evidence for evidence in _with_words(lines, spots) if evidence.address == address)


def told(text: str) -> list[str]:
    """A text cut into what a server said with a code, its first paragraph, and all of it."""
    coded: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if (found := _CODED.search(line)) and len(coded) < 8:
            coded.append(line[found.start() :])
            for more in lines[number + 1 : number + 6]:
                if not more.strip() or _CODED.search(more):
                    break
                coded.append(more)
    first = next((part for part in re.split(r"\n[ \t]*\n", text.strip()) if part.strip()), "")
    return [piece for piece in ("\n".join(coded), first, text[:6000]) if piece.strip()]


def _on_line(line: str, before: str) -> list[tuple[str, int]]:
    """Addresses of a line with their rank: 1 stands first, 2 is led to, 4 only stands there."""
    found: list[tuple[str, int]] = []
    for match in ADDRESS.finditer(line):
        lead, address = line[: match.start()], _TYPED.sub("", match[0].lower().strip("'"))
        above = before.strip()[-60:] if not lead.strip(" <\t") else ""
        if _SENDER_BEFORE.search(lead) or _SENDER_BEFORE.search(above):
            rank = 4
        elif _FIRST.match(lead) or _NAMED_FIRST.match(lead):
            rank = 1
        else:
            rank = 2 if _LED.search(lead) else 4
        found.append((address, rank))
        if len(found) >= 50:
            break
    return found


def _with_words(lines: list[str], places: list[tuple[str, int]]) -> list[Evidence]:
    found: dict[str, Evidence] = {}
    for index, (address, number) in enumerate(places):
        later = (line for other, line in places[index + 1 :] if other != address and line > number)
        section = "\n".join(lines[number : next(later, len(lines))])[:_SECTION_MAX]
        evidence = found.setdefault(address, Evidence(address))
        if len(evidence.words) < 9:
            evidence.words += told(section)
        if len(found) >= _FOUND_MAX:
            break
    whole = told("\n".join(lines))
    for evidence in found.values():
        evidence.context = list(whole)
    return list(found.values())
