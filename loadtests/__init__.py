"""Load on the running server, benchmarks, and the demo."""
