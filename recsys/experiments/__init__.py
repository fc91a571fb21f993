"""Experiments on live users: who sees which arm, and what may be concluded of it."""
