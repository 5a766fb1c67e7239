"""Jobs of several processes: what one rank, and one node, is predicted to hold against real gloo process groups."""
