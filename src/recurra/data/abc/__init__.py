"""Tunes in ABC notation: read, checked, transposed."""
