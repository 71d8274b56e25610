"""N to the next H: series over time."""
