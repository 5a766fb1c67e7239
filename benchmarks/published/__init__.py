"""Figures that others measured and published, and what memfit says of the same jobs."""
