"""The trials of a miner's search: one choice of hyperparameters each."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from offchain.canonical import Json
from offchain.compute.errors import JobSpecInvalid, ResultInvalid
from offchain.compute.spec import Digest, Document, Name, Word
from offchain.learning import estimators
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES
from offchain.learning.metrics import Metric


class TrialSpec(Document):
    """Which hyperparameters to try on which rows.

    parameters : one of the estimator's candidates; a machine with other candidates refuses, and so trains nothing else
    rows : CIDv1 of the rows, features then target, as the miner's models see them
    metric : the task's, as the contracts number it
    """

    estimator: Word
    parameters: dict[Word, JsonValue]
    rows: Name
    feature_count: Annotated[int, Field(ge=1, le=MAX_FEATURES)]
    class_count: Annotated[int, Field(ge=0, le=MAX_CLASSES)]
    metric: Annotated[int, Field(ge=0, le=max(Metric))]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]

    @model_validator(mode="after")
    def _is_candidate(self) -> Self:
        known = self.estimator in estimators.names(self.class_count)
        if not known or self.parameters not in estimators.candidates(self.estimator, self.class_count):
            raise ValueError(f"{self.estimator} with {self.parameters} is none of the candidates")
        return self

    @classmethod
    def make(cls, **fields: Json) -> Self:
        """A spec of these fields; raises JobSpecInvalid."""
        return cls._check(fields, JobSpecInvalid)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The spec of canonical JSON; raises JobSpecInvalid."""
        return cls._read(data, JobSpecInvalid)


class TrialResult(Document):
    """What a trial came to; see `offchain.learning.training.Trial`."""

    spec: Digest
    model: Name
    score_wad: Annotated[int, Field(ge=-(2**255), le=10**18)]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The result of canonical JSON from another machine; raises ResultInvalid."""
        return cls._read(data, ResultInvalid)
