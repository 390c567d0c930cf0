"""The manifest: what the bytes of a task's rows mean, in a form whose hash can be compared."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from offchain.canonical import from_json, to_canonical_json
from offchain.learning.errors import ManifestError
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES, MAX_MANIFEST_BYTES

Name = Annotated[str, Field(min_length=1, max_length=128)]
Text = Annotated[str, Field(max_length=4096)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Feature(_Value):
    """One feature: the byte is `clip(round((value - offset) / scale), 0, 255)`."""

    name: Name
    offset: Finite
    scale: Scale


class ClassTarget(_Value):
    """A class: the byte is the index of its name."""

    kind: Literal["classes"] = "classes"
    names: Annotated[tuple[Name, ...], Field(min_length=2, max_length=MAX_CLASSES, strict=False)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len(set(self.names)) != len(self.names):
            raise ValueError("two classes have the same name")
        return self


class ValueTarget(_Value):
    """A number: the big-endian int32 is `round((value - offset) / scale)`."""

    kind: Literal["value"] = "value"
    name: Name
    offset: Finite
    scale: Scale


class Manifest(_Value):
    """What a data node publishes beside its rows."""

    format_version: Literal[1] = 1
    name: Name
    description: Text
    source: Text
    row_count: Annotated[int, Field(ge=1, le=2**32 - 1)]
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=MAX_FEATURES, strict=False)]
    target: Annotated[ClassTarget | ValueTarget, Field(discriminator="kind")]

    @property
    def feature_count(self) -> int:
        """How many bytes of a row are features."""
        return len(self.features)

    @property
    def class_count(self) -> int:
        """How many classes the target has; 0 for a regression."""
        return len(self.target.names) if isinstance(self.target, ClassTarget) else 0

    @property
    def row_length(self) -> int:
        """The length of a row in bytes: its features, then one byte of class or four of value."""
        return self.feature_count + (1 if self.class_count else 4)

    def to_bytes(self) -> bytes:
        """The manifest as canonical JSON."""
        return to_canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The manifest of canonical JSON from another party.

        Raises
        ------
        ManifestError
            Where the bytes are too many, are not JSON, have another structure, or are not in canonical form.
        """
        try:
            manifest = cls.model_validate(from_json(data, MAX_MANIFEST_BYTES))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ManifestError(f"{place}: {first['msg']}" if place else first["msg"]) from error
        except ValueError as error:
            raise ManifestError(str(error)) from error
        if manifest.to_bytes() != data:
            raise ManifestError("the JSON is not in canonical form")
        return manifest
