"""The job spec: what a purchase orders, as data; and the result document that answers it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from offchain.canonical import Json, from_json, to_canonical_json
from offchain.cid import Cid
from offchain.compute.effort import dense_effort, tree_effort
from offchain.compute.errors import JobSpecInvalid, ResultInvalid
from offchain.compute.recipes import MAX_ITERATIONS, training_parameters
from offchain.economics.curve import LearningCurve
from offchain.learning import estimators
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES
from offchain.learning.model import KIND_DENSE

MAX_DOCUMENT_BYTES = 16 * 1024
MAX_ROWS_BYTES = 8 * 1024 * 1024

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")]
Word = Annotated[str, Field(max_length=64)]
Name = Annotated[Word, AfterValidator(lambda text: str(Cid.parse(text)))]
Hyperparameter = (
    int | Annotated[float, Field(allow_inf_nan=False)] | Word | Annotated[list[int], Field(max_length=8)]
)
Iterations = Annotated[int, Field(ge=1, le=MAX_ITERATIONS)]


class Document(BaseModel):
    """Canonical JSON whose SHA-256 is its name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format_version: Literal[1] = 1

    def to_bytes(self) -> bytes:
        """The document as canonical JSON."""
        return to_canonical_json(self.model_dump(mode="json"))

    def name(self) -> bytes:
        """SHA-256 of the document: what the chain calls it."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def _read(cls, data: bytes, invalid: type[JobSpecInvalid] | type[ResultInvalid]) -> Self:
        try:
            fields = from_json(data, MAX_DOCUMENT_BYTES)
        except ValueError as error:
            raise invalid(str(error)) from None
        document = cls._check(fields, invalid)
        if document.to_bytes() != data:
            raise invalid("the JSON is not in canonical form")
        return document

    @classmethod
    def _check(cls, fields: Json, invalid: type[JobSpecInvalid] | type[ResultInvalid]) -> Self:
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise invalid(f"{place}: {message}" if place else message) from None


class JobSpec(Document):
    """What to train on which rows for how many iterations.

    rows : CIDv1 of the training rows, features then target, without salts, as the model is to see them: for a
        task with secure mapping the mapped ones. A consumer keeps the rows it will check the result on to itself.
    task_id, miner : what the model is for; a model of one address is worth nothing to another
    """

    estimator: Word
    hyperparameters: Annotated[dict[Word, Hyperparameter], Field(max_length=8)]
    iterations: Iterations
    rows: Name
    feature_count: Annotated[int, Field(ge=1, le=MAX_FEATURES)]
    class_count: Annotated[int, Field(ge=0, le=MAX_CLASSES)]
    task_id: Annotated[int, Field(ge=1, le=2**64 - 1)]
    miner: Address
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.class_count == 1:
            raise ValueError("one class leaves nothing to tell apart")
        self.parameters()
        return self

    @property
    def row_length(self) -> int:
        """Bytes of a row: its features, then one byte of class or four of value."""
        return self.feature_count + (1 if self.class_count else 4)

    def parameters(self) -> dict[str, Json]:
        """The training parameters as the learning ledger prints them; a model's header has their hash."""
        return training_parameters(self.estimator, self.class_count, self.hyperparameters, self.iterations)

    def widths(self) -> list[int]:
        """How wide a dense model's layers are, from the inputs to the outputs; a regression has one output."""
        hidden = self.hyperparameters.get("hidden_layer_sizes", [])
        assert isinstance(hidden, list)
        return [self.feature_count, *hidden, max(self.class_count, 1)]

    def most_iterations(self, row_count: int) -> int:
        """How many iterations over so many rows a job may have, so that any provider's machine can do it."""
        if estimators.kind(self.estimator, self.class_count) == KIND_DENSE:
            effort = dense_effort(self.widths(), row_count)
        else:
            shape = self.feature_count, self.class_count, row_count
            effort = tree_effort(self.estimator, self.hyperparameters, *shape)
        return min(effort.most_iterations(), MAX_ITERATIONS)

    def check_rows(self, rows: bytes) -> None:
        """Raise JobSpecInvalid where these are not the rows that were named, or more than the job may take."""
        if len(rows) > MAX_ROWS_BYTES or not rows or len(rows) % self.row_length:
            raise JobSpecInvalid(f"{len(rows)} bytes are not whole rows of {self.row_length}")
        most = self.most_iterations(len(rows) // self.row_length)
        if self.iterations > most:
            raise JobSpecInvalid(
                f"{self.iterations} iterations over {len(rows)} bytes of rows are more than a job may take:"
                f" at most {most}"
            )
        if str(Cid.of(rows)) != self.rows:
            raise JobSpecInvalid("the rows have another name")

    @classmethod
    def make(cls, **fields: Json) -> Self:
        """A job spec of these fields; raises JobSpecInvalid."""
        return cls._check(fields, JobSpecInvalid)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The job spec of canonical JSON from another party; raises JobSpecInvalid."""
        return cls._read(data, JobSpecInvalid)


class JobResult(Document):
    """What was trained for a job.

    model : CIDv1 of the model's bytes
    iterations : how many ran; fewer than ordered only where the solver had converged and more change nothing
    training_score_wad : accuracy, or R² for a regression, of the model's bytes on the rows they were trained on
    """

    spec: Digest
    model: Name
    parameters: Digest
    iterations: Annotated[int, Field(ge=0, le=MAX_ITERATIONS)]
    training_score_wad: Annotated[int, Field(ge=-(2**255), le=10**18)]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The result of canonical JSON from another party; raises ResultInvalid."""
        return cls._read(data, ResultInvalid)


Finite = Annotated[float, Field(allow_inf_nan=False)]


class PilotResult(Document):
    """The learning curve that a pilot came to; see `LearningCurve`."""

    start: Finite
    gain: Finite
    efficiency: Finite
    residual: Finite
    tried: Finite
    tried_score: Finite

    def curve(self) -> LearningCurve:
        """The curve itself."""
        return LearningCurve(**self.model_dump(exclude={"format_version"}))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The result of canonical JSON from another machine; raises ResultInvalid."""
        return cls._read(data, ResultInvalid)
