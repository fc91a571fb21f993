"""The pages for people: of a span's data, and of a candidate model."""
