"""Signs by which a notice without report fields shows what it is: a bounce, a delay, an objection.

A bounce needs two of three: a mail system as sender, a subject and a text that tell of a failure.
"""

from __future__ import annotations

import re
from email.message import Message

from mailer import parsing
from mailer.bounces import automatic

_SUBJECT = re.compile(
    r"undeliver|non.?deliver|not delivered|deliver(?:y|able)? (?:status|failure|has failed|failed|error"
    r"|problem|report|notification|delayed|unsuccessful)"
    r"|(?:returned|rejected|failed|bounced|blocked|returning|return) (?:mail|e-?mail|message)"
    r"|mail (?:delivery|system|failure|error)|failure notice"
    r"|failure (?:delivery|sending)|message (?:status|blocked|rejected|delayed|undeliv|not|could"
    r"|you sent)|could ?n[o']t (?:be )?(?:deliver|send)|unable to deliver"
    r"|warning: |user unknown|unknown (?:user|address)|bounce|loop alert|mail loop"
    r"|permanent (?:delivery )?(?:error|failure)|\bndr?n\b|problems? delivering|unzustellbar|nicht zustell"
    r"|non remis|échec|no se (?:ha )?(?:pudo|entreg)|não (?:entreg|pôde)|mancata consegna|impossibile"
    r"|не доставлен|недоставлен|не может быть доставлен"
    r"|退信|系统退信|无法投递|投递失败|return(?:ed|ing) to sender|mail failed|not members? \(|配信不能|配信できません|配達できません"
    r"|送信できません|エラーメール|メールエラー|不達|未配信|届けられ|送信エラー|配信エラー"
    r"|宛先不明",
    re.IGNORECASE,
)
_BODY = re.compile(
    r"(?:could|can|was|were|has|is|have|been)(?: ?not|n't)[ \w]{0,12} (?:be )?(?:deliver|sent|relayed"
    r"|transmitted|reach|accept)|delivery (?:has |to .{0,80})?fail"
    r"|(?:permanent|fatal|delivery|delivering) (?:fatal )?(?:delivery )?(?:error|problem|fail)"
    r"|undeliverable|unable to (?:deliver|send|relay)|not delivered"
    r"|(?:returned|rejected|refused|bounced) (?:to|by|your|mail|message)|user unknown|unknown user"
    r"|mailbox (?:full|unavailable)|failed to deliver|did not reach"
    r"|wasn't able to deliver|there was an error delivering|nicht (?:zugestellt|zustell)|n'a pas pu"
    r"|no (?:se )?(?:pudo|ha podido)|não (?:pôde|foi)|не может быть доставлен"
    r"|не удалось|无法|退回|配信できません|届けられ|送信でき|お届けでき|配送でき|配達でき|無法|could not send|message (?:is "
    r"|was )?(?:blocked|rejected|returned)|will be retried"
    r"|(?:has been|was) delayed|delivery problems|mail delivery|non-delivered|no valid recipients"
    r"|duplicated message-id|error message below|requested action not taken|no such user|(?:not"
    r"|n't) (?:a )?(?:member of th|valid (?:user|recipient|address|e-?mail))|(?:invalid|unknown) (?:user"
    r"|recipient|address)|not been delivered|error(?:s)? (?:occurred|while)",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"delivery status notification \(delay|\(delay(?:ed)?\)|message (?:is |still )?(?:delayed"
    r"|undelivered)|has been delayed|have been delayed|warning message only|not need to resend"
    r"|will (?:be retried|continue to (?:try|be tried)|keep trying|try again|retry)"
    r"|still (?:being )?(?:trying|undelivered|queued)|warning: (?:could not send|message|mail|e-?mail)"
    r"|delivery (?:is |was )?delayed|temporary (?:delivery )?(?:problem|failure),? (?:will|we)"
    r"|delayed mail|will be (?:re-?attempted|re-?tried)|delivery attempts will continue"
    r"|配送が遅れ|遅延し|再送を(?:試|続)|再送信を(?:試|続)|retries? will|not yet been delivered",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"permanent (?:error|failure|fatal)|failed permanently|given up|giving up|gave up"
    r"|could not be delivered for|will not be retried|no further attempts|(?:failure|failed)\)",
    re.IGNORECASE,
)
_PLAIN_SUBJECT = re.compile(
    r"\W{0,3}(?:undeliver(?:ed|able)(?: mail|:| message)|mail delivery (?:failed|failure)"
    r"|delivery status notification"
    r"|returned mail\b|failure notice|mail system error|undelivered mail|non-?delivery report"
    r"|メールエラー|エラーメール|配信不能|不達通知|配信エラー|送信エラー)",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|fwd?|sv|返信|回复|転送)\s{0,2}(?:\[\d+\])?\s{0,2}[:：]", re.IGNORECASE)
_OBJECTION = re.compile(
    r"complaint about (?:message|e-?mail|mail)|(?:spam|abuse) (?:report|complaint)|feedback loop"
    r"|迷惑メール(?:報告|通報)",
    re.IGNORECASE,
)
_UNSUBSCRIBE = re.compile(r"^\s*unsubscribe\s*$", re.IGNORECASE)


def is_bounce(message: Message, subject: str, notice: str) -> bool:
    """Two of the three signs, or a subject that is never a person's; no vacation, no person's answer."""
    if automatic.is_automatic_subject(subject):
        return False
    by_daemon = automatic.is_daemon(message)
    about_failure = _SUBJECT.search(subject[:500]) is not None
    if not by_daemon and _ANSWER.match(subject) and _answers_something(message):
        return False
    if _PLAIN_SUBJECT.match(subject):
        return True
    return by_daemon + about_failure + (_BODY.search(notice[:4000]) is not None) >= 2


def _answers_something(message: Message) -> bool:
    return bool(parsing.header(message, "In-Reply-To") or parsing.header(message, "References"))


def is_delay(subject: str, notice: str) -> bool:
    """Still being tried: it says so, and does not say that it was given up."""
    head = f"{subject}\n{notice[:3000]}"
    return _DELAY.search(head) is not None and _GIVEN_UP.search(head) is None


def is_objection(subject: str) -> bool:
    """A complaint without the fields of a feedback report (some large providers send those)."""
    return _OBJECTION.search(subject[:300]) is not None


def is_unsubscribe(subject: str) -> bool:
    """What mail programs send for a `List-Unsubscribe: <mailto:...>`."""
    return _UNSUBSCRIBE.match(subject[:100]) is not None
