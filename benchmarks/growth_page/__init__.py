"""Does memory grow with the iterations? The examples recorded and diagnosed, and the page of the docs that says so."""
