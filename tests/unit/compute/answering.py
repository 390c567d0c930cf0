"""A fork server whose forks do as they are told: what the tests of `forkserver` run."""

import os
import sys
import time
from socket import socket

from offchain.compute.forkserver import serve


def answer(peer: socket, number: int) -> None:
    """Echo what is said, with the process that does; or do what the tests want of a number."""
    with peer.makefile("rwb") as stream:
        said = stream.read()
        if number == ENDLESS:
            time.sleep(600)
        if number == FAILING:
            raise ValueError(said.decode())
        stream.write(
            b"%d %d %s " % (os.getpid(), os.getpgid(0), os.environ.get("POLE_TOLD", "").encode()) + said
        )


ECHO, ENDLESS, FAILING = range(3)

if __name__ == "__main__":
    serve(int(sys.argv[1]), answer)
