"""Models for phones, boards and microcontrollers: what LiteRT and TFLite Micro hold, beside what memfit says."""
