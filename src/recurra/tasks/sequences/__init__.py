"""Sequences of numbers and recordings of sound as several tasks read and draw them."""
