"""How well memfit tells leaks from everything else: labelled series, real loops, and the rules people use instead."""
