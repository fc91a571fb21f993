"""What every process that serves does: threads as configured, logs written, signals obeyed.

Nothing heavy is imported before `prepare` has run: libraries read their number of threads once.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from recsys.config import Serving
from recsys.errors import BadInput
from recsys.workspace import Workspace
from serving import heap

if TYPE_CHECKING:
    from serving.population import Progress

# TensorFlow's two pools, and OpenMP's, which every thread that asks FAISS has one of.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")

# How long one thread may keep the interpreter from another that waits for it: whoever is refused
# shall not wait for the model's thread, as long as Python's own 5 ms, at each read of a socket.
_SWITCH_SECONDS = 0.0005


def prepare(settings: Serving) -> None:
    """Sets what holds for the whole process."""
    for name in _THREADS:
        os.environ.setdefault(name, str(settings.num_model_threads))
    sys.setswitchinterval(_SWITCH_SECONDS)
    heap.hold_thresholds()


def run(
    workspace: Workspace,
    sockets: Sequence[socket.socket],
    url: str,
    ready: Callable[[str], None],
    progress: Progress,
    own_url: str = "",
) -> None:
    """Serves until a signal says to stop.

    Args:
        workspace: what is served.
        sockets: where it is asked.
        url: where clients find it.
        ready: is told the bundle's version once.
        progress: is told how many users are loaded.
        own_url: where this process alone answers, if several share the place that clients know.
    """
    from serving import logs
    from serving.app import create_app
    from serving.stopping import Server

    with logs.written():
        app = create_app(workspace, None, progress, ready, url, own_url=own_url)
        server = Server(app)
        for stop in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises the signal again when it has ended: it was obeyed then.
            signal.signal(stop, server.handle_exit)
        server.run(list(sockets))


def listener(host: str, port: int, is_shared: bool = False) -> socket.socket:
    """A socket that listens there.

    Args:
        host: the address.
        port: 0 for a free one.
        is_shared: whether other processes listen there too, and the kernel deals connections out.

    Raises:
        BadInput: the place is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, reuse_port=is_shared)
    except OSError as error:
        raise BadInput(
            f"{host}:{port} can't be bound ({error.strerror}): stop what listens there, or choose "
            "another with --port or serving.port and serving.host in recsys.toml."
        ) from None


def url_of(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
