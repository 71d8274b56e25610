"""N to 1 and N to N over frames: sensors."""
