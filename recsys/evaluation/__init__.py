"""Metrics, slices, and the verdict on a candidate model."""
