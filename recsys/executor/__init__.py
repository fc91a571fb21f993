"""The models as a request needs them: the saved model's answers, in NumPy and without TensorFlow.

What depends on an app alone was computed when the bundle was built (`recsys/models/folding.py`);
what depends on a query alone is computed once for all its candidates; what is left is a few
products of small matrices.
"""
