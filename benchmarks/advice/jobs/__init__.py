"""Scripts that `memfit advise` is asked about: ordinary training loops that know nothing of memfit."""
