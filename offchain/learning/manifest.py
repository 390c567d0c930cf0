"""The manifest: what the bytes of a task's rows mean, in a form whose hash can be compared.

It says how a cell of text becomes bytes as well, so that a user of a model encodes new rows as the data node did:
`offchain.learning.encoding` does what is said here, and nothing in a manifest is executed.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from offchain.canonical import from_json, to_canonical_json
from offchain.learning.errors import ManifestError
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES, MAX_MANIFEST_BYTES

Name = Annotated[str, Field(min_length=1, max_length=128)]
Text = Annotated[str, Field(max_length=4096)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]
DateForm: TypeAlias = Literal[
    "YYYY-MM-DD", "YYYY/MM/DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY"
]


class _Value(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", ser_json_inf_nan="strings")


class _Column(_Value):
    """A column of the table, and the bytes that it becomes.

    absent : what takes the place of a missing value; without it none may be missing
    flags_absent : whether another byte follows, 255 where the value was missing
    """

    name: Name
    flags_absent: bool = False

    @property
    def own_width(self) -> int:
        """How many bytes there are, without that of the flag."""
        return 1

    @property
    def width(self) -> int:
        """How many bytes of a row there are."""
        return self.own_width + self.flags_absent


class NumberColumn(_Column):
    """A number; its byte is `clip(round((value - offset) / scale), 0, 255)`.

    decimal : the decimal sign in the text
    unit : what may stand before or behind the digits, as % and $ do
    """

    kind: Literal["number"] = "number"
    decimal: Literal[".", ","] = "."
    unit: Annotated[str, Field(max_length=8)] = ""
    offset: Finite
    scale: Scale
    absent: Finite | None = None


class DateColumn(_Column):
    """A date, perhaps with a time of the day, as the number of days since 1970-01-01; its byte is as a number's."""

    kind: Literal["date"] = "date"
    form: DateForm
    offset: Finite
    scale: Scale
    absent: Finite | None = None


class BooleanColumn(_Column):
    """Yes or no, in one of the usual words; its byte is 255 or 0."""

    kind: Literal["boolean"] = "boolean"
    absent: bool | None = None


class CategoryColumn(_Column):
    """A text; each of `values` has a byte, 255 where the cell is that one, and 0. All others have zeros."""

    kind: Literal["category"] = "category"
    values: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_FEATURES, strict=False)]
    absent: Name | None = None

    @property
    def own_width(self) -> int:
        """One for each value."""
        return len(self.values)

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        if len({value.casefold() for value in self.values}) != len(self.values):
            raise ValueError("two values are the same")
        return self


Column: TypeAlias = Annotated[
    NumberColumn | DateColumn | BooleanColumn | CategoryColumn, Field(discriminator="kind")
]


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
    """What a data node publishes beside its rows.

    columns : in the order of the bytes of a row
    absent_words : what stands for a missing value in the table, beside what usually does
    """

    format_version: Literal[2] = 2
    name: Name
    description: Text
    source: Text
    row_count: Annotated[int, Field(ge=1, le=2**32 - 1)]
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MAX_FEATURES, strict=False)]
    absent_words: Annotated[tuple[Name, ...], Field(max_length=16, strict=False)] = ()
    target: Annotated[ClassTarget | ValueTarget, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len({column.name for column in self.columns}) != len(self.columns):
            raise ValueError("two columns have the same name")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.feature_count > MAX_FEATURES:
            raise ValueError(f"{self.feature_count} features, the limit is {MAX_FEATURES}")
        return self

    @property
    def feature_count(self) -> int:
        """How many bytes of a row are features."""
        return sum(column.width for column in self.columns)

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
