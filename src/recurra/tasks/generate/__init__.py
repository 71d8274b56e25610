"""1 to N: a text of a class."""
