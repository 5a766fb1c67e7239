"""Models in TensorFlow Lite's format: what LiteRT holds on a phone or board, and TFLite Micro's arena.

The file says every tensor and operator; the rules by which the two runtimes place them are theirs.
"""
