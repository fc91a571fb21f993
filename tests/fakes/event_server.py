"""The server over the fake store as a program of its own, so that it can be killed:

python event_server.py WORKSPACE PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from fake_store import load_fake

from recsys.workspace import Workspace
from serving.app import create_app

if __name__ == "__main__":
    app = create_app(Workspace(Path(sys.argv[1])), load_fake)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
