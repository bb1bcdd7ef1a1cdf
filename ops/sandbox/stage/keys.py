"""Idempotency keys and the answers saved under them, for providers that save answers."""

import time
from collections import OrderedDict

import msgspec

from ops.sandbox.replies import Answer
from ops.sandbox.stage import lines
from ops.sandbox.stage.lines import Line
from ops.sandbox.stage.stage import Stage


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What a key was used for, and what came of it."""

    key: str
    fingerprint: str  #: of what must not differ, as the provider sees it
    at_s: float
    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = {}
    object: str = ""

    @property
    def answer(self) -> Answer:
        """The answer again, byte for byte."""
        return Answer(self.status, self.body, self.content_type, self.headers)


class Keys:
    """Every key within its window. The provider decides what a repetition comes to."""

    def __init__(self, stage: Stage, window_s: float | None = None) -> None:
        self._stage = stage
        self._window_s = stage.settings.key_window_s if window_s is None else window_s
        self._saved: OrderedDict[str, Saved] = OrderedDict()

    def find(self, key: str) -> Saved | None:
        """Return what is saved under a key; None: nothing, or its window is over."""
        saved = self._saved.get(key)
        return None if saved is None or self._over(saved) else saved

    def save(
        self, key: str, fingerprint: str, answer: Answer, *, object: str = "", reference: str = ""
    ) -> None:
        """Keep an answer under a key, in memory and in the ledger."""
        saved = Saved(
            key=key,
            fingerprint=fingerprint,
            at_s=time.time(),
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=dict(answer.headers),
            object=object,
        )
        self._stage.record(lines.KEY, object=object, reference=reference, state=saved)
        self._keep(saved)

    def restore(self, line: Line) -> None:
        """Take a line of kind "key"."""
        self._keep(line.holds(Saved))

    def _keep(self, saved: Saved) -> None:
        self._saved[saved.key] = saved
        self._saved.move_to_end(saved.key)
        while self._over(next(iter(self._saved.values()))) and len(self._saved) > 1:
            self._saved.popitem(last=False)

    def _over(self, saved: Saved) -> bool:
        return saved.at_s + self._window_s < time.time()
