"""Content-addressed blobs: data sets, training rows, parameters, models. A blob's name is its sha256."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


class StorageError(Exception):
    """A blob cannot be stored or read."""


class BlobMissing(StorageError):
    """No blob of this name is there."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        super().__init__(f"no blob {name.hex()} in this storage")


class BlobCorrupt(StorageError):
    """The bytes under a name have another hash."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        super().__init__(f"the bytes of blob {name.hex()} do not have that hash")


class BlobTooLarge(StorageError):
    """A blob is larger than its reader accepts."""

    def __init__(self, name: bytes, size: int, limit: int) -> None:
        self.name, self.size, self.limit = name, size, limit
        super().__init__(f"blob {name.hex()} has {size:,} bytes, and {limit:,} are accepted")


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Blobs in a folder, which processes may share."""

    root: Path

    def put(self, data: bytes) -> bytes:
        """Store `data` and give its name. A blob appears whole or not at all."""
        name = hashlib.sha256(data).digest()
        write_durably(self._path(name), data)  # what is there already may be corrupt
        return name

    def get(self, name: bytes, limit: int) -> bytes:
        """The blob of a name, checked; raises BlobMissing, BlobCorrupt, BlobTooLarge (over `limit` bytes)."""
        path = self._path(name)
        if path.is_symlink() or not path.is_file():
            raise BlobMissing(name)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise BlobTooLarge(name, size, limit)
            data = file.read(limit)
        if hashlib.sha256(data).digest() != name:
            raise BlobCorrupt(name)
        return data

    def _path(self, name: bytes) -> Path:
        digest = name.hex()
        return self.root / digest[:2] / digest


def write_durably(path: Path, data: bytes, *, once: bool = False) -> None:
    """Write a file, for its owner's eyes, so that after a crash it is there whole or as it was before.

    Raises
    ------
    FileExistsError
        Where it is to be written `once` and is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if once:
            os.link(temporary, path)
        else:
            Path(temporary).replace(path)
        _flush_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """The name of a file is in its folder, which is written out by itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
