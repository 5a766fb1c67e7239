"""What llama.cpp will hold for a GGUF file: weights, caches and buffers of its graph, by its own rules.

Nothing of it is run: `shape` reads what a header says of the model, `caches` and `graph` hold the rules by version,
with where they come from, and `placing` puts the parts on a device and on the host.
"""
