"""Nearest neighbours of a query among the candidates: one contract, several kinds behind it."""
