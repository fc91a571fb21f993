"""The retrieval towers and the ranker."""
