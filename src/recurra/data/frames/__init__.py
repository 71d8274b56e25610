"""Sequences of frames: sensors, one row of numbers a step."""
