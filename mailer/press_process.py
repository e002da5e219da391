"""The inside of the press (see `press`): reads jobs a line, answers a line, dies of what takes too long.

python -m mailer.press_process CPU_SECONDS WALL_SECONDS
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
from dataclasses import asdict, replace
from typing import IO, Any

from mailer import compose, inline, lint_html, mjml, sandbox
from mailer.errors import TemplateError
from mailer.findings import Level, Part, Problem, is_publishable
from mailer.inline import Published
from mailer.layout import Layout
from mailer.press import IDLE_S, MEMORY, Job, Pressed
from mailer.sandbox import Fault

TEXT_MIN = 20  # signs; less than that is no text part
_LINK = "https://link.example/c/" + "x" * 120


def press(job: Job) -> Pressed:
    """Check, convert, inline, render. May take as long as the source wants: only for this process and tests."""
    problems = compose.check(
        job.subject,
        job.preheader,
        job.html,
        job.text or None,
        job.samples[0],
        format=compose.Format(job.format),
        own=job.own,
        url_fields=job.url_fields,
    )
    if not is_publishable(problems):
        return Pressed(None, tuple(problems))
    try:
        published = _published(job)
    except Fault as fault:
        return Pressed(None, (*problems, Problem(Part.HTML, fault.line, fault.code, fault.args_)))
    except TemplateError as error:
        return Pressed(None, (*problems, _as_problem(error)))
    problems += lint_html.audit(published.html)
    problems += _rendered(job, published)
    return Pressed(published, tuple(problems), sandbox.unguarded(job.html))


def _published(job: Job) -> Published:
    html = job.html
    if job.format == compose.Format.MJML:
        html = mjml.convert(html, title=job.subject, language=job.layout.language)
    return inline.publish(
        html, subject=job.subject, preheader=job.preheader, text=job.text or None, layout=job.layout
    )


def _rendered(job: Job, published: Published) -> list[Problem]:
    """One render a sample: none may fail, none may grow too large, the text must say something."""
    found: list[Problem] = []
    for number, fields in enumerate(job.samples):
        try:
            made = inline.render(published, fields, links=[_LINK] * len(published.links))
        except Fault as fault:
            return [Problem(Part.HTML, fault.line, fault.code, fault.args_)]
        except TemplateError as error:
            return [_as_problem(error)]
        if number == 0 and len(made.text.replace(_LINK, "").split("---")[0].strip()) < TEXT_MIN:
            found.append(Problem(Part.TEXT, 0, "text_empty", {}, Level.WARNING))
    return found


def _as_problem(error: TemplateError) -> Problem:
    """What `inline` refuses: "code rest", or Jinja's own sentence."""
    code, _, rest = error.message.partition(" ")
    if code.startswith(("link_", "outside_", "body_", "too_")):
        return Problem(Part.HTML, error.line, code, {"url": rest, "limit": ""})
    return Problem(
        Part.HTML, error.line, "syntax", {"detail": error.message[:200], "kind": "other", "name": ""}
    )


def answer(job: Job) -> dict[str, Any]:
    """As JSON takes it. A fault of ours, or of a library, is a finding too: the process goes on."""
    try:
        pressed = press(job)
    except (Exception, RecursionError) as error:
        detail = {"detail": type(error).__name__}
        pressed = Pressed(None, (Problem(Part.HTML, 0, "not_readable", detail),))
    return {
        "published": asdict(pressed.published) if pressed.published else None,
        "problems": [asdict(problem) for problem in pressed.problems],
        "unguarded": dict(pressed.unguarded),
    }


def serve(jobs: IO[bytes], answers: IO[bytes], *, cpu_s: float, wall_s: float) -> None:
    """Until nobody writes any more, or nobody has for IDLE_S."""
    # One job is answered before the next is written, so nothing waits in the reader's buffer.
    while select.select([jobs], [], [], IDLE_S)[0]:
        line = jobs.readline()
        if not line:
            return
        # Both signals end the process wherever it is, also inside a library written in C or Rust.
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        signal.setitimer(signal.ITIMER_REAL, wall_s)
        made = json.dumps(answer(_job(json.loads(line)))).encode() + b"\n"
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(made)
        answers.flush()


def _job(row: dict[str, Any]) -> Job:
    return replace(Job(**{**row, "layout": Layout()}), layout=Layout(**row["layout"]))


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Standard output belongs to the answers; nothing that a library prints may get between them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, cpu_s=float(sys.argv[1]), wall_s=float(sys.argv[2]))


if __name__ == "__main__":
    main()
