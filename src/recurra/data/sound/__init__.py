"""Recordings of sound, and tables that list them."""
