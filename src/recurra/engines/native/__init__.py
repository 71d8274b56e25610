"""Cells as data for a core in C++ that runs them over time, batch and units."""
