"""Both directions: what stands in a blank."""
