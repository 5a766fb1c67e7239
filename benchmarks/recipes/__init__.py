"""Models by name: the recipe run on a real card, and what memfit said of it beforehand."""
