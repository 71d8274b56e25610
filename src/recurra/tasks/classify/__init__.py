"""N to 1: the class of a text."""
