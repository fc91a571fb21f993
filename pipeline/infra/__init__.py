"""A candidate bundle in a real server: what it is asked, and what it must satisfy."""
