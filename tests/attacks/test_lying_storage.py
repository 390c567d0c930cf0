"""Attack: run a gateway or an S3 server that others read their blobs from, and lie.

A miner that trains on other rows, or waits for ever for the right ones, does not commit; one whose memory is filled
does not reveal, and loses its bond; one that follows a redirect asks where only it can ask (CWE-918).

Defence: the name is computed from the bytes that came, of which no more are read than are accepted, for no longer
than a storage may take; nothing is inflated and no redirect followed; and what is no answer may come another time.
"""

import gzip
import time
import tracemalloc
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from offchain import storage
from offchain.cid import Cid, Codec
from offchain.storage import (
    BlobCorrupt,
    BlobMissing,
    BlobStore,
    BlobTooLarge,
    StorageAway,
    StorageError,
)
from tests.attacks.lying_proxy import http
from tests.attacks.lying_server import LyingServer, Reply, serving
from tests.seaweed import Seaweed

ROWS = b"true" * 10_000
NAME = Cid.of(ROWS)
PATIENCE = 2.0
GRACE = 10.0  # on a machine that is busy
MEGABYTES = 1 << 20


def saying(answer: bytes) -> Reply:
    return lambda _: [answer]


def flood(head: bytes) -> Reply:
    """A gigabyte, for who takes it."""
    return lambda _: [head, *repeat(bytes(MEGABYTES), 1024)]


def drip(head: bytes) -> Reply:
    """A byte now and then, for a minute."""

    def drops(_: str) -> Iterator[bytes]:
        yield head
        for _drop in range(600):
            time.sleep(0.1)
            yield b"t"

    return drops


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n"
ENDLESS = b"HTTP/1.1 %s\r\nContent-Length: 1000000000000\r\n\r\n"
LIES: dict[str, tuple[Reply, type[StorageError]]] = {
    "other bytes": (saying(http(b"lies" * 10_000)), BlobCorrupt),
    "nothing": (saying(http(b"")), BlobCorrupt),
    "more bytes": (saying(http(ROWS + b"!")), BlobTooLarge),
    "a flood": (flood(ENDLESS % b"200 OK"), BlobTooLarge),
    "a flood of no told length": (flood(b"HTTP/1.1 200 OK\r\n\r\n"), BlobTooLarge),
    "a flood in place of an error": (flood(ENDLESS % b"400 Bad Request"), StorageAway),
    "a flood of headers": (flood(b"HTTP/1.1 200 OK\r\nX: "), StorageAway),
    "drops": (drip(HEAD), StorageAway),
    "drops of a header": (drip(b"HTTP/1.1 200 OK\r\nX: "), StorageAway),
    "silence": (drip(b""), StorageAway),
    "half": (saying(HEAD + ROWS[:20_000]), StorageAway),
    "a hang-up": (saying(b""), StorageAway),
    "no HTTP": (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), StorageAway),
    "an error": (saying(http(b"<html>", status="500 Oh")), StorageAway),
    "a refusal": (saying(http(b"", status="403 Forbidden")), StorageAway),
    "absence": (saying(http(b"no", status="404 Not Found")), BlobMissing),
    "a part": (saying(http(ROWS[:100], status="206 Partial Content")), StorageError),
    "a bomb": (saying(http(gzip.compress(bytes(50 << 20)), "Content-Encoding: gzip")), StorageError),
}


@pytest.fixture(params=["gateway", "s3"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "ANSWER_SECONDS", PATIENCE)


def store_at(kind: str, url: str, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """A storage that a liar runs."""
    if kind == "gateway":
        return BlobStore(f"{url}/ipfs")
    for name, value in Seaweed(url, "").environment().items():
        monkeypatch.setenv(name, value)
    return BlobStore("s3://blobs")


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_ends_as_what_it_is_in_bounded_time_and_memory(
    kind: str, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply, error = LIES[lie]
    with serving(server := LyingServer(reply)) as url:
        store = store_at(kind, url, monkeypatch)
        with pytest.raises(StorageError):
            store.get(NAME, len(ROWS))  # what it needs once, libraries among it, is there now
        started = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(error):
                store.get(NAME, len(ROWS))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert time.monotonic() - started < PATIENCE + GRACE
    assert peak < 8 * MEGABYTES
    assert server.sent < 64 * MEGABYTES  # of a gigabyte; the rest of it is what lines hold


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_not_followed(kind: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = LyingServer(saying(http(ROWS)))
    with serving(elsewhere) as other:
        answer = http(b"", f"Location: {other}/ipfs/{NAME}", status=status)
        with serving(LyingServer(saying(answer))) as url, pytest.raises(StorageAway):
            store_at(kind, url, monkeypatch).get(NAME, len(ROWS))

    assert elsewhere.asked == []


@pytest.mark.parametrize(
    "reply", [flood(ENDLESS % b"200 OK"), drip(b""), saying(b""), saying(http(b"", status="403 Forbidden"))]
)
def test_what_is_no_receipt_is_told(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(server := LyingServer(reply)) as url:
        store = store_at("s3", url, monkeypatch)
        started = time.monotonic()
        with pytest.raises(StorageAway):
            store.put(ROWS)

    assert time.monotonic() - started < PATIENCE + GRACE
    assert server.sent < 64 * MEGABYTES


def test_a_liar_does_not_hide_what_another_place_has(tmp_path: Path) -> None:
    BlobStore(tmp_path).put(ROWS)

    with serving(LyingServer(saying(http(b"lies")))) as url:
        assert BlobStore(f"{url}/ipfs", tmp_path).get(NAME, len(ROWS)) == ROWS


def test_the_root_of_a_large_blob_does_not_pass_for_the_blob() -> None:
    # The digest of both is the same; the root is from the importer that tests/unit/test_cid.py names.
    root = bytes.fromhex(
        "122c0a2401551220d8ecc465ba4258f274690019c8ca6abf1a754ed984fd4c86692b636e868df22a120018808010122c0a24015512"
        "20f257a540599405569a54203e0ad956525aa599fb24f580972ffddb55206281df120018808010122c0a24015512203d4f4325eeb4"
        "d322d7928ce5676bf4c05bb0954d8845f02b8a7a79d62dd3f563120018c0cf040a12080218c0cf24208080102080801020c0cf04"
    )
    large = Cid.parse("bafybeib3oscsovylodhm5zlazb2cj23wqvowvk6drjxeyz5cw5npcgor6m")
    assert Cid.of(root) == Cid(Codec.RAW, large.digest)

    with serving(LyingServer(saying(http(root)))) as url, pytest.raises(BlobCorrupt):
        BlobStore(f"{url}/ipfs").get(Cid.on_chain(large.digest, 600_000), 600_000)


def test_a_gateway_is_asked_for_a_block_where_the_blob_is_one() -> None:
    small, large = Cid.of(ROWS), Cid.of(bytes(300_000))
    with serving(server := LyingServer(saying(http(b"", status="404 Not Found")))) as url:
        for name in (small, large):
            with pytest.raises(BlobMissing):
                BlobStore(f"{url}/ipfs/").get(name, 300_000)

    assert server.asked == [f"/ipfs/{small}?format=raw", f"/ipfs/{large}"]
