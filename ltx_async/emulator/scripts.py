"""Scripted steps: what the next requests for an email are answered with."""

from collections import deque

from attrs import define, field

from ltx_async.emulator.steps import Step


@define
class Script:
    """Steps taken one per request; with `forever` they start again at the end."""

    steps: deque[Step] = field(factory=deque)
    forever: bool = False

    def next_step(self) -> Step | None:
        """Take the next step, or None when there is none left."""
        if not self.steps:
            return None
        step = self.steps.popleft()
        if self.forever:
            self.steps.append(step)
        return step


@define
class Scripts:
    """One script per email, and one (under None) for every email that has none left."""

    _by_email: dict[str | None, Script] = field(factory=dict, init=False)

    def extend(self, email: str | None, steps: tuple[Step, ...], *, forever: bool) -> None:
        """Append `steps` to the script of `email`."""
        script = self._by_email.setdefault(email, Script())
        script.steps.extend(steps)
        script.forever = forever

    def clear(self) -> None:
        """Forget every step not taken yet."""
        self._by_email.clear()

    def next_step(self, email: str) -> Step | None:
        """Take the next step for `email`, else the next one for any email, else None."""
        return self._take(email) or self._take(None)

    def _take(self, key: str | None) -> Step | None:
        script = self._by_email.get(key)
        if script is None:
            return None
        step = script.next_step()
        if not script.steps:
            del self._by_email[key]
        return step
