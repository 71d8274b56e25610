"""Captions of pictures: which files say what of which picture, and where the pictures are."""
