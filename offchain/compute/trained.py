"""What training gives, whatever it was for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trained:
    """A result document, and the model bytes where there is a model, as they are stored and delivered."""

    model: bytes
    result: bytes

    def to_bytes(self) -> bytes:
        """The result's length in four bytes, big-endian, the result, the model."""
        return len(self.result).to_bytes(4, "big") + self.result + self.model

    @classmethod
    def from_bytes(cls, data: bytes) -> Trained:
        """The reverse; whatever the bytes are, what they mean is for others to check."""
        end = 4 + int.from_bytes(data[:4], "big")
        return cls(data[end:], data[4:end])
