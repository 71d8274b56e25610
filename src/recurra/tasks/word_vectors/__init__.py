"""Vectors of words: learned, read, asked."""
