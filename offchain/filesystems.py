"""Where blobs may be: file systems of fsspec that give no more and take no longer than they are asked to.

Each has two acts of fsspec that matter here: `cat_file(path, end=...)` and `pipe_file(path, data)`.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Awaitable
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from fsspec.implementations.http import HTTPFileSystem
from fsspec.implementations.local import LocalFileSystem

from offchain.cid import Cid, Codec

CONNECT_SECONDS = 10.0
_PIECE_BYTES = 1024 * 1024
_NO_FILE = (errno.ELOOP, errno.EISDIR, errno.ENOTDIR)


class PlainFolder(LocalFileSystem):  # type: ignore[misc]
    """Files that anybody may have planted: no link is followed, no pipe waited for, nothing seen half written."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The first `end` bytes of a plain file; raises FileNotFoundError where there is none."""
        try:
            file = FileIO(path, opener=_open_plainly)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise FileNotFoundError(path) from error
            raise
        with file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(path)
            return file.read(status.st_size if end is None else min(status.st_size, end))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a file, whole and for good, in the place of any other."""
        write_durably(Path(path), value)


def probe_folder(path: Path) -> Path:
    """Write a file without a name where a folder is, or its nearest parent that is there; gives that one.

    Raises OSError where that cannot be done.
    """
    while not (path.exists() or path.is_symlink()) and path != path.parent:
        path = path.parent
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(b"0")
        file.flush()
        os.fsync(file.fileno())
    return path


class Gateway(HTTPFileSystem):  # type: ignore[misc]
    """An IPFS gateway, or any server that has files under their names: to read, and nowhere but there."""

    cachable = False

    def __init__(self) -> None:
        super().__init__(
            client_kwargs={
                # Nothing compressed, which could become large only here.
                "headers": {"Accept-Encoding": "identity"},
                "auto_decompress": False,
                "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            }
        )

    async def _cat_file(self, url: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        if Cid.parse(url.rpartition("/")[2]).codec is Codec.RAW:
            url += "?format=raw"  # a trustless gateway gives blocks alone, and this blob is one
        session = await self.set_session()
        async with session.get(self.encode_url(url), allow_redirects=False) as answer:
            self._raise_not_found_for_status(answer, url)
            if answer.status != 200:
                raise OSError(f"it answers {answer.status} {answer.reason}")
            return await read_up_to(answer.content, end)


class Stream(Protocol):
    """What bytes come from."""

    def read(self, n: int, /) -> Awaitable[bytes]:
        """The next bytes, `n` at most; none at the end."""


async def read_up_to(stream: Stream, end: int | None) -> bytes:
    """The first `end` bytes of a stream, or all."""
    data = bytearray()
    while end is None or len(data) < end:
        piece = await stream.read(_PIECE_BYTES if end is None else min(_PIECE_BYTES, end - len(data)))
        if not piece:
            break
        data += piece
    return bytes(data)


def _open_plainly(path: str, flags: int) -> int:
    """Follow no link, and wait for nobody who might write into a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file, for its owner's eyes, so that after a crash it is there whole or as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
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
