"""Content-addressed blobs: data sets, training rows, parameters, models. A blob's name is its sha256."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path


class StorageError(Exception):
    """A blob cannot be stored or read."""


class BlobMissing(StorageError):
    """No blob of this name is there."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        super().__init__(f"no blob {name.hex()} in this storage")


class BlobUnwritable(StorageError):
    """What is in a blob's place is no file and cannot be replaced by one."""

    def __init__(self, name: bytes, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"blob {name.hex()} cannot be stored: {reason}")


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
        """Store `data` and give its name; raises BlobUnwritable. A blob appears whole or not at all."""
        name = hashlib.sha256(data).digest()
        try:
            write_durably(self._path(name), data)  # what is there already may be corrupt
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise BlobUnwritable(name, str(error)) from error
        return name

    def get(self, name: bytes, limit: int) -> bytes:
        """The blob of a name, checked; raises BlobMissing, BlobCorrupt, BlobTooLarge (over `limit` bytes)."""
        try:
            file = FileIO(self._path(name), opener=_open_plainly)
        except OSError as error:
            raise BlobMissing(name) from error
        with file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BlobMissing(name)
            if status.st_size > limit:
                raise BlobTooLarge(name, status.st_size, limit)
            data = file.read(status.st_size)
        if hashlib.sha256(data).digest() != name:
            raise BlobCorrupt(name)
        return data

    def _path(self, name: bytes) -> Path:
        digest = name.hex()
        return self.root / digest[:2] / digest


def _open_plainly(path: str, flags: int) -> int:
    """Follow no link, and wait for nobody who might write into a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


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
