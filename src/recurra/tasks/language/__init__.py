"""N to N: the next token of a text."""
