"""The stages of the request path by name, and who is told what each took."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar, get_args

Stage = Literal["features", "encode", "retrieve", "merge", "filter", "rank", "page"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Observe = Callable[[Stage, float], None]
"""Is told a stage and the seconds that it took for a batch; some stages come twice a batch."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Observed(Protocol):
    """Whoever has stages."""

    @property
    def observe(self) -> Observe:
        """Whom to tell."""
        ...


_O = TypeVar("_O", bound=Observed)


def observe_nothing(stage: Stage, seconds: float) -> None:
    """For whoever needn't know."""


def stage(
    name: Stage,
) -> Callable[[Callable[Concatenate[_O, _P], _R]], Callable[Concatenate[_O, _P], _R]]:
    """Marks a method as a stage."""

    def marked(method: Callable[Concatenate[_O, _P], _R]) -> Callable[Concatenate[_O, _P], _R]:
        @functools.wraps(method)
        def timed(self: _O, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
            began = time.perf_counter()
            result = method(self, *args, **kwargs)
            self.observe(name, time.perf_counter() - began)
            return result

        return timed

    return marked
