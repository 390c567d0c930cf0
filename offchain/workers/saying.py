"""Saying what lasts, without saying it at every look."""

import logging
import math
import time
from dataclasses import dataclass

log = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Said:
    """When words are to be said again, after which pause, and when they were last true."""

    again_at: float
    pause: float
    true_at: float


class Sparingly:
    """Says what lasts at once, and then after pauses that double, up to an hour; anew after a minute without it."""

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}

    def say(self, level: int, words: str) -> bool:
        """Log the words, unless they were said not long ago; whether that was done."""
        now = time.monotonic()
        self._said = {each: said for each, said in self._said.items() if now < said.true_at + FIRST_SECONDS}
        before = self._said.get(words)
        if before is not None and now < before.again_at:
            self._said[words] = _Said(before.again_at, before.pause, now)
            return False
        pause = FIRST_SECONDS if before is None else min(2 * before.pause, LONGEST_SECONDS)
        self._said[words] = _Said(now + pause, pause, now)
        log.log(level, "%s", words)
        return True


class Absences:
    """Says of who is back how long they were away, where it was said that they were."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def note(self, who: str, is_told: bool) -> None:
        """Somebody does not answer, and perhaps that was said just now."""
        self._since.setdefault(who, time.monotonic())
        if is_told:
            self._told.add(who)

    def end(self, still_away: set[str]) -> None:
        """All others answer again."""
        for who in self._since.keys() - still_away:
            seconds = math.ceil(time.monotonic() - self._since.pop(who))
            if who in self._told:
                log.info("%s answers again, after %d s", who, seconds)
            self._told.discard(who)
