"""Headless Chromium, which has to be on the machine: nothing downloads a browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

PROGRAM = shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; the tests that need it are skipped where there is none, but not in CI."""
    if PROGRAM is None:
        assert not os.environ.get("CI"), "no chromium: see toolchain/browser"
        pytest.skip("no chromium on this machine: see toolchain/browser")
    with sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        running = playwright.chromium.launch(
            executable_path=PROGRAM, chromium_sandbox=hasattr(os, "geteuid") and os.geteuid() != 0
        )
        try:
            yield running
        finally:
            running.close()
