"""Benchmark reports: figures and what they were measured on, as JSON and as a table to read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtests import machine
from recsys.workspace import write_atomically

RESULTS = Path(__file__).parent / "results"


def write(theme: str, command: str, figures: Mapping[str, Any], table: str) -> Path:
    """Writes `results/<theme>.json` and `.md`; returns the latter.

    Args:
        theme: what was measured.
        command: what measures it again.
        figures: everything that was measured.
        table: the same in Markdown.
    """
    today = dt.datetime.now(dt.UTC).date().isoformat()
    host = machine.described()
    whole = {"theme": theme, "date": today, "command": command, "machine": host, **figures}
    write_atomically(RESULTS / f"{theme}.json", (json.dumps(whole, indent=1) + "\n").encode())
    page = RESULTS / f"{theme}.md"
    versions = ", ".join(f"{name} {version}" for name, version in host["versions"].items())
    hardware = f"{host['processor']}, {host['cores']} cores, {host['memory_gib']} GiB"
    measured_on = f"`{command}`, {today}, {hardware}, Python {host['python']}, {versions}."
    text = f"# {theme}\n\n{table}\n\n{measured_on}\n"
    write_atomically(page, text.encode())
    return page


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
