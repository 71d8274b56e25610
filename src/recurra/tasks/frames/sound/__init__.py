"""Frames of sound: how they are varied in training, and cut while they arrive."""
