"""Loads of several shapes for locust: `locust -f loadtests/shapes/NAME.py`."""
