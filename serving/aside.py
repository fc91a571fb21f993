"""A bundle in a process of its own, which yields the processors to everybody else.

What holds a bundle's bytes against their digests, loads it for the first time and has it answer
must not take the interpreter from those who are served, nor their processor; and a bundle that
takes the whole process down must take down none that serves. A thread could promise none of this:
of low priority it would be put aside with the interpreter in its hands.

`python -m serving.aside FOLDER` says how the bundle's loading went, then answers queries: a line
of JSON each, in and out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from recsys.errors import BadInput
from recsys.query import Query

_SECONDS_TO_END = 5.0
_GIVING_WAY = ("nice", "-n", "10")
"""Of two who want a processor, nine parts of ten are left to the other one: from the first moment,
since Python alone takes a while to start."""
_PATIENCE_SECONDS = 20.0
"""So long a load takes nothing that anybody else wants, then a part of it: a machine that is always
busy would never swap."""


@dataclass(frozen=True)
class Shelf:
    """What a bundle would show."""

    app_ids: tuple[str, ...]
    milliseconds: float
    """What it took to compute."""


class Aside:
    """A process over a bundle; one thread at a time may ask it."""

    def __init__(self, folder: Path, yields: bool = True) -> None:
        """
        Args:
            folder: the bundle's.
            yields: whether it takes of one processor what nobody else wants; if not, it checks the
                bundle's files on all processors.
        """
        program = (sys.executable, "-m", "serving.aside", str(folder), str(int(yields)))
        command = (*_GIVING_WAY, *program) if yields else program
        self.folder = folder
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def wait(self) -> None:
        """Waits until the bundle is checked and loaded.

        Raises:
            BadInput: it can't be trusted or loaded.
        """
        hurry = threading.Timer(_PATIENCE_SECONDS, self._hurry)
        hurry.daemon = True
        hurry.start()
        try:
            problem = self._answer()["problem"]
        finally:
            hurry.cancel()
        if problem:
            raise BadInput(problem)

    def ask(self, query: Query) -> Shelf:
        """The page of a query.

        Raises:
            BadInput: the bundle can't make one.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended, the answer says so
            self._process.stdin.write(_line(asdict(query)))
            self._process.stdin.flush()
        answer = self._answer()
        if answer["problem"]:
            raise BadInput(answer["problem"])
        return Shelf(tuple(answer["app_ids"]), answer["milliseconds"])

    def close(self) -> None:
        """Ends the process, whatever it is at; any thread may call it."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_END)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _hurry(self) -> None:
        # Not everybody may: then it yields on.
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))

    def _answer(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        line = ""
        with contextlib.suppress(ValueError):  # another thread has closed it
            line = self._process.stdout.readline()
        if not line.endswith("\n"):
            code = self._process.wait()
            raise BadInput(f"{self.folder}: the process that tried the bundle ended with {code}.")
        answer: Mapping[str, Any] = json.loads(line)
        return answer


def main(folder: Path, yields: bool, asked: IO[str], answers: IO[str]) -> None:
    """What the process does."""
    if yields:
        # Of low priority alone it would keep others waiting for the rest of its slice.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    from recsys.bundle import Bundle
    from recsys.fallbacks import SteadyRecommender

    def say(**values: object) -> None:
        answers.write(_line(values))
        answers.flush()

    try:
        num_threads = 1 if yields else len(os.sched_getaffinity(0))
        recommender = SteadyRecommender(Bundle.load(folder, num_threads))
    except Exception as error:  # whatever a bundle does on loading, it is said
        say(problem=str(error))
        return
    say(problem="")
    for line in asked:
        began = time.perf_counter()
        try:
            [page] = recommender.recommend([_query(json.loads(line))])
        except Exception as error:
            say(problem=f"no page of it: {error!r}")
            continue
        seconds = time.perf_counter() - began
        app_ids = [item.app_id for item in page.items]
        say(problem="", app_ids=app_ids, milliseconds=1_000 * seconds)


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else list(value)


def _query(values: Mapping[str, Any]) -> Query:
    time, exclude = dt.datetime.fromisoformat(values["time"]), frozenset(values["exclude"])
    return Query(**{**values, "time": time, "exclude": exclude})


if __name__ == "__main__":
    # What libraries print goes to standard error: the answers have standard output alone.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        main(Path(sys.argv[1]), sys.argv[2] == "1", sys.stdin, answers)
