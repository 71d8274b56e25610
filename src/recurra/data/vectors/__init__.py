"""Word vectors: files and tables of them."""
