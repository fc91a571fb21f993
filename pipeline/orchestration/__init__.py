"""Dagster around the components: which days are due, their jobs, and who is told."""
