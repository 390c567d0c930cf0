"""What can be handed to a process or a machine of its own: a document, rows, and what kind of answer is wanted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum

from offchain.compute.checking import check_result, check_trial
from offchain.compute.spec import JobSpec, PilotResult
from offchain.compute.trained import Trained
from offchain.compute.trial import TrialSpec


class Kind(IntEnum):
    """What the document of some work is."""

    JOB = 0
    """A `JobSpec` that was bought."""
    PILOT = 1
    """A `JobSpec` whose learning curve is wanted."""
    TRIAL = 2
    """A `TrialSpec` of a miner's search."""


@dataclass(frozen=True, slots=True)
class Work:
    """A document of canonical JSON and the rows that it names."""

    kind: Kind
    spec: bytes
    rows: bytes

    def name(self) -> bytes:
        """What this work is known by; the document names the rows, so other rows are other work."""
        return hashlib.sha256(bytes((self.kind,)) + self.spec).digest()

    def to_bytes(self) -> bytes:
        """The kind in one byte, the document's length in four, big-endian, the document, the rows."""
        return bytes((self.kind,)) + len(self.spec).to_bytes(4, "big") + self.spec + self.rows

    @classmethod
    def from_bytes(cls, data: bytes) -> Work:
        """The reverse; what the document and the rows are is checked when the work is done."""
        end = 5 + int.from_bytes(data[1:5], "big")
        return cls(Kind(data[0]), data[5:end], data[end:])


def check_answer(work: Work, trained: Trained) -> None:
    """Check what came back for some work, wherever it was done; raises DeliveryRejected."""
    match work.kind:
        case Kind.JOB:
            check_result(JobSpec.from_bytes(work.spec), trained)
        case Kind.PILOT:
            PilotResult.from_bytes(trained.result)
        case Kind.TRIAL:
            check_trial(TrialSpec.from_bytes(work.spec), trained)
