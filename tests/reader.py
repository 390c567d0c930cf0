"""Somebody who reads a page of the documentation and does what it says, in terminals of their own.

What a page's blocks of code are, for its readers as for this one:

- `sh` is typed into a terminal: the first, or that which the block's first line names (`# terminal 2`). The reader goes
  on when the prompt is back. Where that line says `stays open`, a command goes on meanwhile; Ctrl-C ends it at the end
  of the page. A block waits until its terminal is free.
- `text` is what the block before it prints: these lines, one below the other, with `...` for what varies, and a line of
  `...` for any lines. The reader waits until it is there.
- `yaml`, `toml` and `python` whose first line is a comment with the name of a file are that file.
- other `python` is typed into the console that the block before has opened.
- What has no language is not for the reader to do.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TERMINAL = re.compile(r"# terminal (\d+)\b(.*)")
FILE = re.compile(r"# (\S+\.(?:py|toml|yaml))$")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
CONSOLE = re.compile(r"^(?:In \[\d+\]: )+", re.MULTILINE)
PROMPT = "~ the prompt is back ~"
INTERRUPTED = 130
PATIENCE = 300.0  # of a busy machine


@dataclass(frozen=True)
class Block:
    """A block of code: the line of the page that it begins in, its language, what is in it."""

    line: int
    language: str
    text: str

    @property
    def terminal(self) -> int:
        """Which terminal it is for."""
        named = TERMINAL.match(self.text)
        return int(named[1]) if named else 1

    @property
    def stays_open(self) -> bool:
        """Whether its last command goes on."""
        named = TERMINAL.match(self.text)
        return named is not None and "stays open" in named[2]

    @property
    def file(self) -> str | None:
        """The file that it is."""
        named = FILE.match(self.text.splitlines()[0])
        return named[1] if named and self.language != "sh" else None


def blocks(page: str) -> list[Block]:
    """The blocks of code of a page in Markdown."""
    return [
        Block(page.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in FENCE.finditer(page)
    ]


def pattern_of(shown: str) -> re.Pattern[str]:
    """What finds the lines that a page shows in what was printed; all white space within a line is alike."""
    parts = [
        r"(?:.*\n)*?" if line.strip() == "..." else rf"[ \t]*{_pattern_of_line(line.strip())}[ \t]*\n\s*"
        for line in shown.splitlines()
        if line.strip()
    ]
    return re.compile("^" + "".join(parts), re.MULTILINE)


def _pattern_of_line(line: str) -> str:
    return r".*?".join(
        r"[ \t]+".join(map(re.escape, part.split(" "))) for part in re.sub(" +", " ", line).split("...")
    )


class Terminal:
    """A bash in a folder, as a person has it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], answers: Mapping[str, str]) -> None:
        self._bash = pexpect.spawn(
            "/bin/bash", ["--noprofile", "--norc"], cwd=str(folder), env=dict(environment), echo=False,
            encoding="utf-8", dimensions=(60, 110), timeout=PATIENCE,
        )  # fmt: skip
        self._answers, self._folder = answers, folder
        self.said, self.statuses = "", ""
        self._is_free = True
        self._count = 0
        # A prompt is told from what shows it by the status in it. Without a trap bash drops the rest of what was typed,
        # the prompt with it, where Ctrl-C kills a command or comes just when it has ended.
        self._type(f"PS1=; PS2=; failed=; trap 'failed=$?' ERR; trap : INT; printf '{PROMPT} %s\\n' begun")
        self._bash.expect(f"{PROMPT} begun")

    def begin(self, text: str) -> None:
        """Type a block."""
        assert self._is_free
        self._count += 1
        script = self._folder / f".typed-{id(self)}-{self._count}.sh"
        script.write_text(text)
        self.said, self._is_free = "", False
        self._type(f"failed=; . {script}; printf '\\n{PROMPT} %s\\n' \"${{failed:-0}}\"")

    def type(self, line: str) -> None:
        """Type a line into what has been begun."""
        self._type(line)

    def finish(self, allowed: tuple[int, ...] = (0,)) -> None:
        """Wait for the prompt; fail where a command has failed."""
        while not self._is_free:
            self._listen(PATIENCE)
        status = int(self.statuses)
        assert status in allowed, f"status {status}:\n{self.said}"

    def wait_for(self, pattern: re.Pattern[str]) -> None:
        """Wait until it has been printed; fail where the prompt comes without it."""
        deadline = time.monotonic() + PATIENCE
        while not pattern.search(CONSOLE.sub("", self.said)):
            assert not self._is_free and time.monotonic() < deadline, (
                f"{pattern.pattern} is not in:\n{self.said}"
            )
            self._listen(1)

    def interrupt(self) -> None:
        """Press Ctrl-C where something goes on."""
        if not self._is_free:
            self._bash.sendintr()
            self.finish((0, INTERRUPTED))

    def close(self) -> None:
        """Close the window."""
        self._bash.close(force=True)

    def _type(self, line: str) -> None:
        self._bash.sendline(line)

    def _listen(self, seconds: float) -> None:
        """Take in what is printed, and answer what is asked."""
        prompts = list(self._answers)
        patterns = [f"{PROMPT} (\\d+)\r\n", *map(re.escape, prompts), "\n", pexpect.TIMEOUT]
        found = self._bash.expect(patterns, timeout=seconds)
        before = self._bash.before if found == len(patterns) - 1 else self._bash.before + self._bash.after
        if found == len(patterns) - 1:
            assert seconds < PATIENCE, f"nothing more after:\n{self.said}{before}"
            return
        plain = COLOURS.sub("", before).replace("\r", "")
        if found == 0:
            self._is_free, self.statuses = True, self._bash.match[1]
            self.said += "\n"
            return
        self.said += re.sub(r"[ \t]+\n", "\n", plain)
        if 0 < found <= len(prompts):
            self._type(self._answers[prompts[found - 1]])


class Reader:
    """Does what a page says, in a folder."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        replaced: Mapping[str, str] | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        """replaced : what is typed in place of what the page says; answers : to what is asked at a terminal"""
        self._folder, self._environment = folder, environment
        self._replaced, self._answers = replaced or {}, answers or {}
        self.terminals: dict[int, Terminal] = {}

    def follow(self, page: str) -> None:
        """Do all of a page, from the first block to the last."""
        last: Terminal | None = None
        for block in blocks(page):
            text = self._replace(block.text)
            if block.file:
                self._write(block.file, text)
            elif block.language == "sh":
                last = self._type(block, text)
            elif block.language == "python":
                assert last is not None
                for line in text.splitlines():
                    last.type(line)
            elif block.language == "text":
                assert last is not None
                last.wait_for(pattern_of(text))

    def _type(self, block: Block, text: str) -> Terminal:
        terminal = self.terminals.get(block.terminal) or Terminal(
            self._folder, self._environment, self._answers
        )
        self.terminals[block.terminal] = terminal
        terminal.finish() if terminal.statuses or terminal.said else None
        terminal.begin(text)
        if not block.stays_open:
            terminal.finish()
        return terminal

    def _replace(self, text: str) -> str:
        for written, typed in self._replaced.items():
            text = text.replace(written, typed)
        return text

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        before = path.read_text() if path.exists() else ""
        path.write_text(before + text)

    def leave(self) -> None:
        """Press Ctrl-C in each terminal; fails where a command did."""
        for terminal in self.terminals.values():
            terminal.interrupt()


@contextmanager
def reader(
    folder: Path,
    environment: Mapping[str, str],
    replaced: Mapping[str, str] | None = None,
    answers: Mapping[str, str] | None = None,
) -> Iterator[Reader]:
    """A reader whose terminals are closed with the block."""
    someone = Reader(folder, environment, replaced, answers)
    try:
        yield someone
        someone.leave()
    finally:
        for terminal in someone.terminals.values():
            terminal.close()


def plain_environment(home: Path, **more: str) -> dict[str, str]:
    """What a new user's terminal has, and nothing of this one's."""
    kept = {name: os.environ[name] for name in ("LANG", "PATH") if name in os.environ}
    return {**kept, "HOME": str(home), "TERM": "dumb", "COLUMNS": "110", **more}
