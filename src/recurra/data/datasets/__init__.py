"""Data sets by name: built in, or pinned by SHA-256."""
