"""Sentences with a tag for each token: the files that hold them, and spans."""
