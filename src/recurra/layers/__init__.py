"""Layers that own weights: a stack of depth and directions, and torch.nn's drop-ins."""
