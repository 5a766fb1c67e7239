"""GGUF models: what memfit says of llama.cpp, against what llama.cpp printed and what it reserves."""
