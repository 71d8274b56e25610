"""Encoded examples to batches."""
