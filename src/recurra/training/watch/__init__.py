"""What a training is watched by: gradients through time, gates, radii, updates, losses."""
