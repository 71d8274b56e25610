"""N to N: a tag for each token."""
