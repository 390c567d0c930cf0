"""What a blob is called: its CIDv1, the name that IPFS has for the same bytes, and the 32 bytes of it on chain."""

import base64
from dataclasses import dataclass
from enum import IntEnum

from aleph_cid import CidHasher

CHUNK_BYTES = 256 * 1024
"""What `ipfs add` keeps as one block; a larger file becomes a tree of blocks, named by its root."""

_SHA2_256 = bytes([0x12, 32])
_DIGEST_BYTES = 32


class Codec(IntEnum):
    """What a digest is of, as the multicodec table numbers it."""

    RAW = 0x55  # the blob itself
    DAG_PB = 0x70  # the root of the tree of its chunks


@dataclass(frozen=True, slots=True)
class Cid:
    """The name of a blob, as `ipfs add --cid-version=1` gives it: base32, SHA-256, chunks of 256 KiB, raw leaves.

    >>> str(Cid.of(b"hello world"))
    'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    """

    codec: Codec
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != _DIGEST_BYTES:
            raise ValueError(f"a name has a digest of {_DIGEST_BYTES} bytes, not of {len(self.digest)}")

    @classmethod
    def of(cls, data: bytes) -> "Cid":
        """The name of a blob."""
        hasher = CidHasher.for_ipfs_v1_raw_leaves()
        hasher.update(data)
        return cls.parse(hasher.finalize())

    @classmethod
    def on_chain(cls, digest: bytes, size: int) -> "Cid":
        """The name behind the 32 bytes that a contract keeps.

        The digest alone does not tell a large blob from a small one that is the root of its tree; its size does.

        Parameters
        ----------
        digest : what the contract keeps
        size : the bytes of the blob; or the most that it may have, where that is one chunk
        """
        return cls(Codec.RAW if size <= CHUNK_BYTES else Codec.DAG_PB, digest)

    @classmethod
    def parse(cls, text: str) -> "Cid":
        """The name that is written so; raises ValueError."""
        try:
            data = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
            cid = cls(Codec(data[1]), data[4:])
        except (ValueError, IndexError):
            raise ValueError(f"{text!r} is no name of a blob") from None
        if str(cid) != text:  # another version, hash or base, or stray bits
            raise ValueError(f"{text!r} is no name of a blob")
        return cid

    def __str__(self) -> str:
        data = bytes([1, self.codec]) + _SHA2_256 + self.digest
        return "b" + base64.b32encode(data).decode().rstrip("=").lower()
