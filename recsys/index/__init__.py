"""Nearest neighbours of a query among the candidates: one contract, several kinds behind it."""

from recsys.index.build import build, kind_for, load

__all__ = ["build", "kind_for", "load"]
