"""Bytes of a file to text, rows, records and pairs. A reader refuses what it cannot read, with file and line."""
