"""Frames of sound: log-mel energies, augmentation, recordings read and listened to."""
