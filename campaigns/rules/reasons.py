"""A reason: a code with its values. Reasons are data; the web layer words them in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so. args hold JSON values only: instants and dates as ISO text, rates as 0..1."""

    code: str
    args: Mapping[str, Value] = field(default_factory=dict)

    def as_json(self) -> dict[str, Value | dict[str, Value]]:
        """The shape stored beside a rank or a task."""
        return {"code": self.code, "args": dict(self.args)}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Reason":
        """The reason as it was stored by as_json."""
        args = stored.get("args") or {}
        if not isinstance(args, Mapping):
            raise ValueError("a reason's args must be an object")
        return cls(str(stored["code"]), dict(args))
