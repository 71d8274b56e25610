"""N to M: a text in another language."""
