"""The components of TFX, each a function from typed artifacts to typed artifacts, and the graph of them."""
