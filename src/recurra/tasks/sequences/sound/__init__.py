"""Sound as frames: log-mel energies, recordings read, seen and played."""
