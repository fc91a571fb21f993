"""TFX's components, each a function from typed artifacts to typed artifacts, and their graph."""
