"""Nearest neighbours of a query among the candidates: one contract, several kinds behind it."""

from recsys.index.build import build, kind_for, load
from recsys.index.tuning import Point, tuned

__all__ = ["Point", "build", "kind_for", "load", "tuned"]
