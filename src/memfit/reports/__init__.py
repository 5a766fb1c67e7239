"""Views of a document. Each first makes plain data of it, then draws; none runs anything. The one home of rich."""
