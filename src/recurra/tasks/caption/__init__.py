"""1 to N: what a picture shows, in a sentence."""
