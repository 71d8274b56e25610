"""1 to N in numbers: a gesture, a sketch or a spoken word of a class."""
