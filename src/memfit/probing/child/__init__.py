"""What runs in a probe's own process. Standard library only: the interpreter may be one that has no memfit."""
