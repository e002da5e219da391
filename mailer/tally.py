"""One batch before its limits: who may go now, and what it learns on its way.

counts = tally.wanted(keys)                  keys: a mail's id -> (domain's key, account's key)
grants = limiter.take(counts)
admitted = tally.admit(ids, keys, grants)    go, wait (with the time to ask again)
seen = tally.Tally(keys, admitted.unused)    may_start(id) before an envelope and a body, note(id, verdict) after it
limiter.report(seen.results(grants))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailer.buckets import BREAKS_MAX
from mailer.receipts import Outcome
from mailer.throttle import ACCOUNT, Grant, Result
from mailer.verdicts import Reason, Scope, Verdict

# These say "less, please"; the others of their scope say "not now".
SLOWING = frozenset(
    {Reason.THROTTLED, Reason.REPUTATION, Reason.SERVER_BUSY, Reason.CLOSING, Reason.ACCOUNT_LIMIT}
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A batch parted: go, in its order; wait: id -> when it may be asked again; unused: tokens over, by key."""

    go: list[int]
    wait: dict[int, float]
    unused: dict[str, int]


def wanted(keys: Mapping[int, Sequence[str]]) -> dict[str, int]:
    """How many mails each key is asked for. keys: a mail's id -> its keys, domain and account."""
    counts: dict[str, int] = {}
    for names in keys.values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return counts


def admit(ids: Iterable[int], keys: Mapping[int, Sequence[str]], grants: Mapping[str, Grant]) -> Admitted:
    """Who goes now: every key of a mail must have a token left. A key without a grant does not hold."""
    left = {key: grant.granted for key, grant in grants.items()}
    turned_away: dict[str, int] = {}
    go: list[int] = []
    wait: dict[int, float] = {}
    for id in ids:
        names = [name for name in keys.get(id, ()) if name in left]
        short = [name for name in names if left[name] <= 0]
        if not short:
            for name in names:
                left[name] -= 1
            go.append(id)
            continue
        at_s = 0.0
        for name in short:
            grant, place = grants[name], turned_away.get(name, 0)
            turned_away[name] = place + 1
            at_s = max(at_s, grant.next_at_s + place * grant.interval_s)
        wait[id] = at_s
    return Admitted(go, wait, {key: n for key, n in left.items() if n > 0})


class Tally:
    """What one batch learns on its way: which keys must stop, and the results to report at its end."""

    def __init__(self, keys: Mapping[int, Sequence[str]], unused: Mapping[str, int] | None = None) -> None:
        self._keys = keys
        self._answered: dict[str, int] = {}
        self._unused: dict[str, int] = dict(unused or {})
        self._troubled: dict[
            str, Result
        ] = {}  # what was throttled, stopped or broken, without the counts above
        self._stopped: set[str] = set()
        self._broken_by: dict[str, set[str]] = {}  # account -> domains whose mails were lost since an answer

    def may_start(self, id: int) -> bool:
        """Asked before an envelope and a body: False once a reply in this batch has stopped one of its keys."""
        return not self._stopped or self._stopped.isdisjoint(self._keys.get(id, ()))

    def note(self, id: int, verdict: Verdict, *, code: int = 0, text: str = "") -> None:
        """A mail's answer, code 0 for none. One about the domain or the account stops the rest of that key."""
        if not code and verdict.outcome is Outcome.PERMANENT:
            self.unstarted(id)  # it could not be made; no server has seen it
            return
        for key in self._keys.get(id, ()):
            if verdict.scope is not Scope.MAIL and _is_about(verdict.scope, key):
                self._troubled[key] = _asked_to_stop(self._troubled.get(key, _NOTHING), verdict, code, text)
                self._stopped.add(key)
            elif verdict.scope is Scope.ACCOUNT:
                self._unused[key] = self._unused.get(key, 0) + 1  # the domain was not asked
            elif code:
                self._answered[key] = self._answered.get(key, 0) + 1
                if key in self._troubled:
                    self._troubled[key] = replace(self._troubled[key], broken=0)
                    self._broken_by.pop(key, None)
            elif self._is_news(id, key):
                self._lost(key, verdict, text)

    def unstarted(self, id: int) -> None:
        """A granted mail that did not go after all: its tokens are given back."""
        for key in self._keys.get(id, ()):
            self._unused[key] = self._unused.get(key, 0) + 1

    def results(self, grants: Mapping[str, Grant]) -> dict[str, Result]:
        """By key. Keys that are free and well are left out: there is nothing to tell."""
        found: dict[str, Result] = {}
        for key in {**self._answered, **self._unused, **self._troubled}:
            trouble = self._troubled.get(key, _NOTHING)
            is_well = not (trouble.throttled or trouble.stopped or trouble.broken)
            if is_well and key in grants and grants[key].is_free:
                continue
            found[key] = replace(
                trouble, answered=self._answered.get(key, 0), unused=self._unused.get(key, 0)
            )
        return found

    def _is_news(self, id: int, key: str) -> bool:
        """Of an account each domain is counted once: one that breaks connections must not end it for all."""
        if not key.startswith(ACCOUNT):
            return True
        domains = [name for name in self._keys[id] if name != key]
        known = self._broken_by.setdefault(key, set())
        is_news = not domains or not known.issuperset(domains)
        known.update(domains)
        return is_news

    def _lost(self, key: str, verdict: Verdict, text: str) -> None:
        before = self._troubled.get(key, _NOTHING)
        self._troubled[key] = replace(
            before, broken=before.broken + 1, reason=verdict.reason, code=0, text=text
        )
        if before.broken + 1 >= BREAKS_MAX:
            self._stopped.add(key)


_NOTHING = Result()


def _is_about(scope: Scope, key: str) -> bool:
    return (scope is Scope.ACCOUNT) == key.startswith(ACCOUNT)


def _asked_to_stop(result: Result, verdict: Verdict, code: int, text: str) -> Result:
    slower = verdict.reason in SLOWING
    return replace(
        result,
        throttled=result.throttled + slower,
        stopped=result.stopped + (not slower),
        wait_s=max(result.wait_s, verdict.wait_s or 0.0),
        reason=verdict.reason,
        code=code,
        text=text,
    )
