"""The events as a file that other programs read: one JSON object a line, in the order in which the
store kept them, appended to and never rewritten.

The store is the truth and the log follows it: every line carries the event's sequence number in
the store, so a log that was torn by a crash is cut back to its last whole line and goes on from
there. Nothing is lost and nothing is doubled, and only the store has to sync its disk.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

from serving.user_store import UserStore


class EventLog:
    """A folder with a file a day, `day=YYYY-MM-DD.jsonl`, named by the UTC day of writing.

    One thread writes at a time.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sequence = self._recovered()

    def follow(self, store: UserStore) -> int:
        """Appends what the store kept since the last call; returns the number of lines."""
        lines = []
        for sequence, event in store.events_after(self._sequence):
            lines.append(json.dumps({"sequence": sequence, **event.to_json()}) + "\n")
            self._sequence = sequence
        if lines:
            path = self._folder / f"day={dt.datetime.now(dt.UTC).date().isoformat()}.jsonl"
            with path.open("a") as file:
                file.writelines(lines)
        return len(lines)

    def _recovered(self) -> int:
        """Cuts torn ends and returns the sequence number of the last whole line."""
        for path in sorted(self._folder.glob("day=*.jsonl"), reverse=True):
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(path, whole)
            if whole:
                last = content[:whole].splitlines()[-1]
                return int(json.loads(last)["sequence"])
        return 0
