"""Workers on different machines share blobs through S3, which here is a SeaweedFS, and through its plain HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from offchain.bucket import Bucket
from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.cid import Cid
from offchain.storage import PROBE_NAME, BlobMissing, BlobStore, StorageAway, StorageReadOnly
from offchain.workers.health import State, check_storage
from tests.integration.test_command_line import POLE, pole, post
from tests.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.world import World, deploy_world

SIZES = [0, 1, 262_144, 262_145, 3_000_000]  # of one block, and of several
PUT = (
    "import sys; from offchain.storage import BlobStore; BlobStore(sys.argv[1]).put(bytes(int(sys.argv[2])))"
)
# The kernel ends the process in the middle of a write.
PUT_AND_DIE = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
    " resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); " + PUT
)


@pytest.mark.parametrize("size", SIZES)
def test_blobs_are_exchanged_through_s3(s3: str, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    one, other = BlobStore(s3, tmp_path / "one"), BlobStore(tmp_path / "other", s3)

    name = one.put(data)

    assert other.get(name, size) == data
    assert Bucket().find(s3) == [f"{s3.removeprefix('s3://')}/{name}"]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_in_s3_is_read_through_a_gateway(
    s3: str, seaweed: Seaweed, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    name = BlobStore(s3).put(data)
    gateway = BlobStore(f"{seaweed.files}/{tmp_path.name}")

    assert gateway.get(name, size) == data
    with pytest.raises(BlobMissing):
        gateway.get(Cid.of(b"never put"), 100)
    with pytest.raises(StorageReadOnly):
        gateway.put(data)


def test_a_changed_object_is_mended_by_putting_the_blob_again(s3: str) -> None:
    store = BlobStore(s3)
    name = store.put(b"rows")
    Bucket().pipe_file(f"{s3}/{name}", b"lies")

    store.put(b"rows")

    assert store.get(name, 4) == b"rows"


def test_a_bucket_that_is_not_there_is_told(s3: str) -> None:
    with pytest.raises(StorageAway, match="no bucket nowhere"):
        BlobStore("s3://nowhere").get(Cid.of(b"rows"), 4)


def test_a_bucket_that_can_be_written_has_no_probe_in_it_afterwards(s3: str) -> None:
    finding = check_storage(BlobStore(s3))

    assert finding.state is State.OK
    assert not Bucket().exists(f"{s3}/{PROBE_NAME}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "signature"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "set AWS_ACCESS_KEY_ID and AWS_SECRET"),
    ],
    ids=["wrong", "none"],
)
def test_the_doctor_names_credentials_that_are_wrong_or_missing(
    s3: str, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], words: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)

    finding = check_storage(BlobStore(s3))

    assert finding.state is State.WRONG
    assert words in finding.found
    assert finding.mend.startswith("check the credentials: AWS_ACCESS_KEY_ID")


def test_the_doctor_names_a_bucket_s_endpoint_that_does_not_answer(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")

    finding = check_storage(BlobStore(s3))

    assert (finding.state, "AWS_ENDPOINT_URL_S3" in finding.mend) == (State.WRONG, True)


@contextmanager
def choked(target: str, after: int) -> Iterator[tuple[str, threading.Event]]:
    """A line to a server that passes on so many bytes, and then says so and lets nothing more through."""
    host, port = target.removeprefix("http://").split(":")
    full, passed, lines = threading.Event(), [0], list[socket.socket]()

    def pump(source: socket.socket, sink: socket.socket, *, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if counts:
                    passed[0] += len(data)
                    if passed[0] > after:
                        full.set()
                        return
                sink.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                inner, _ = listener.accept()
                outer = socket.create_connection((host, int(port)))
                lines.extend((inner, outer))
                threading.Thread(target=pump, args=(inner, outer), kwargs={"counts": True}).start()
                threading.Thread(target=pump, args=(outer, inner), kwargs={"counts": False}).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", full
        finally:
            for line in (listener, *lines):
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()


@pytest.mark.parametrize(
    ("size", "after"), [(8 << 20, 4 << 20), (120 << 20, 80 << 20)], ids=["once", "in parts"]
)
def test_an_upload_that_is_killed_in_the_middle_never_becomes_visible(
    s3: str, seaweed: Seaweed, size: int, after: int
) -> None:
    store, name = BlobStore(s3), Cid.of(bytes(size))
    with choked(seaweed.s3, after) as (endpoint, full):
        environment = {**os.environ, "AWS_ENDPOINT_URL_S3": endpoint}
        upload = subprocess.Popen([sys.executable, "-c", PUT, s3, str(size)], env=environment)
        try:
            assert full.wait(120)
            with pytest.raises(BlobMissing):  # while it goes on
                store.get(name, size)
        finally:
            upload.kill()
        assert upload.wait() == -signal.SIGKILL

    with pytest.raises(BlobMissing):
        store.get(name, size)
    assert Bucket().find(s3) == []
    store.put(bytes(size))
    assert store.get(name, size) == bytes(size)


def test_a_local_write_that_is_killed_in_the_middle_never_becomes_visible(tmp_path: Path) -> None:
    store, size = BlobStore(tmp_path), 4 << 20

    died = subprocess.run([sys.executable, "-c", PUT_AND_DIE, str(tmp_path), str(size)], check=False)

    assert died.returncode == -signal.SIGXFSZ
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [1 << 20]  # under a name of its own
    with pytest.raises(BlobMissing):
        store.get(Cid.of(bytes(size)), size)
    assert store.get(store.put(bytes(size)), size) == bytes(size)


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


@pytest.fixture
def environments(world: World, s3: str, tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What tells two people's workers where their own data is, and that their blobs are in S3."""
    world.connection.deployment.save(tmp_path)
    url = str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    shared = {"POLE_RPC": url, "POLE_DEPLOYMENTS": str(tmp_path), "POLE_STORAGE": s3, "COLUMNS": "200"}
    one, other = ({**os.environ, **shared, "POLE_HOME": str(tmp_path / name)} for name in ("one", "other"))
    return one, other


def test_a_data_node_and_a_miner_that_share_s3_alone_carry_a_task_to_its_end(
    world: World, seaweed: Seaweed, environments: tuple[dict[str, str], dict[str, str]], tmp_path: Path
) -> None:
    theirs, ours = environments
    assert "45 of them hidden" in post(theirs).stdout
    task_id = world.data_node.registry.task_count()
    world.chain.mine(3)
    serve = subprocess.Popen([str(POLE), "task", "serve", "--once", "--account", "dev:0"], env=theirs)
    mine = subprocess.Popen([str(POLE), "mine", "--task", str(task_id), "--account", "dev:1"], env=ours)
    try:
        while world.data_node.proof.commitment_count(task_id) == 0:
            assert mine.poll() is None and serve.poll() is None
        world.close_commits(world.data_node.registry.task(task_id))
        assert mine.wait(60) == 0
        assert serve.wait(60) == 0
    finally:
        mine.kill()
        serve.kill()

    assert not any((tmp_path / name / "blobs").exists() for name in ("one", "other"))
    gateway = f"{seaweed.files}/{tmp_path.name}"  # a third who has no key reads what the miner wrote
    strangers = {name: value for name, value in ours.items() if not name.startswith("AWS_")}
    blocks = json.loads(pole(strangers, "ledger", "--storage", gateway).stdout)
    assert blocks[-1]["data"]["winner"] == world.miners[0].address
    assert blocks[-1]["data"]["parameters"]["estimator"] == "LogisticRegression"


def test_who_may_not_write_is_told_so_before_money_moves_and_no_key_is_shown(
    world: World, environments: tuple[dict[str, str], dict[str, str]]
) -> None:
    environment = {**environments[0], "AWS_SECRET_ACCESS_KEY": SECRET_KEY[::-1]}
    count, balance = world.data_node.registry.task_count(), world.data_node.balance()

    refused = post(environment)

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: {environment['POLE_STORAGE']} cannot be used now: ")
    assert (world.data_node.registry.task_count(), world.data_node.balance()) == (count, balance)
    for key in (ACCESS_KEY, SECRET_KEY[::-1]):
        assert key not in refused.stdout + refused.stderr


def test_a_worker_that_would_have_nowhere_to_write_does_not_start(
    environments: tuple[dict[str, str], dict[str, str]], seaweed: Seaweed
) -> None:
    refused = pole(environments[1], "mine", "--account", "dev:1", POLE_STORAGE=seaweed.files)

    assert refused.returncode == 1
    assert refused.stderr == f"Error: {seaweed.files} can only be read: name the place to write to first\n"


def test_a_worker_whose_storage_is_away_starts(environments: tuple[dict[str, str], dict[str, str]]) -> None:
    environment = {**environments[1], "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}

    ended = pole(environment, "mine", "--account", "dev:1", "--task", "99", "--log-format", "json")

    warned, refused = ended.stderr.splitlines()[0], ended.stderr.splitlines()[-1]
    assert "it is tried again when there is something to store" in warned
    assert (json.loads(refused)["level"], json.loads(refused)["event"]) == ("error", "there is no task 99")


@pytest.mark.parametrize("place", ["ftp://host", f"s3://{ACCESS_KEY}:{SECRET_KEY}@bucket"])
def test_a_place_that_is_none_is_told_in_a_line_without_what_is_secret(place: str) -> None:
    refused = pole(dict(os.environ), "ledger", "--storage", place)

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: a storage is a folder, s3://BUCKET/PREFIX or ")
    assert refused.stderr.count("\n") == 1
    assert SECRET_KEY not in refused.stderr
