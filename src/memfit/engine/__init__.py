"""What a step allocates: a trace of storages, replayed through an allocator model, gives the peak.

Pure: no framework, no clock, no input or output.
"""
