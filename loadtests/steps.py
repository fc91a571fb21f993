"""Commands of `recsys` run one after the other, each in a process of its own, as a person would."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from recsys.errors import GateStopped

_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 30


def step(title: str, *arguments: str, workspace: Path) -> None:
    """Runs a command in sight of the person.

    Raises:
        GateStopped: it failed; it has said why.
    """
    command = ("recsys", *arguments, "--workspace", str(workspace))
    typer.secho(f"\n{title}", bold=True)
    typer.secho("$ " + " ".join(command), dim=True)
    started = time.monotonic()
    done = subprocess.run(_called(command), check=False)
    if done.returncode != 0:
        raise GateStopped(f"`{' '.join(command)}` ended with {done.returncode}.")
    typer.secho(f"{time.monotonic() - started:.1f} s", dim=True)


def asked(*arguments: str, workspace: Path) -> Any:
    """What a command says with `--json`.

    Raises:
        GateStopped: it failed.
    """
    command = ("recsys", *arguments, "--workspace", str(workspace), "--json")
    done = subprocess.run(_called(command), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise GateStopped(f"`{' '.join(command)}` ended with {done.returncode}.")
    return json.loads(done.stdout.splitlines()[-1])


def tried(*arguments: str, workspace: Path) -> subprocess.CompletedProcess[str]:
    """A command that may fail: its exit code, and what it said."""
    command = ("recsys", *arguments, "--workspace", str(workspace))
    return subprocess.run(_called(command), capture_output=True, text=True, check=False)


@contextlib.contextmanager
def server(
    workspace: Path, program: Sequence[str] = ("recsys", "serve"), *options: str
) -> Iterator[str]:
    """A server of the workspace on a free port of this machine: its address, once it is ready.

    Args:
        workspace: what it serves.
        program: the module to run, and its arguments.
        options: further ones.

    Raises:
        GateStopped: it ended, or was not ready in time.
    """
    command = (*program, "--port", "0", "--workspace", str(workspace), *options)
    with subprocess.Popen(_called(command), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    late = threading.Timer(_SECONDS_TO_START, process.kill)
    late.start()
    try:
        for line in process.stdout:
            if " serves at " in line:
                return line.split(" serves at ")[1].split()[0]
    finally:
        late.cancel()
    raise GateStopped(f"`recsys serve` was not ready within {_SECONDS_TO_START} s.")


def _called(command: tuple[str, ...]) -> list[str]:
    """The command under this very interpreter, whatever the PATH says."""
    return [sys.executable, "-m", *command]
