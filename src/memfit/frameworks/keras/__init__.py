"""Keras, on any of its backends: what it does in a running job (marks.py)."""
