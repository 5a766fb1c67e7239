"""Operators whose device behaviour differs from their meta kernels. Each module offers its table of overrides."""
