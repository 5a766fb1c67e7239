"""What a serving engine will hold for a model: vLLM and SGLang, by their own rules, keyed by version.

Nothing of them is run: `decoder` reads a configuration, `weights` lays it out as an engine does on one of its ranks,
`profile` has the peak that it measures at its start, `blocks` the pool of its cache, and `vllm` and `sglang` how much
of a card is left for it. Rules name the file and the version of the engine that they were read from.
"""
