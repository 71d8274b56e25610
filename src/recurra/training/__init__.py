"""The loop that trains, in the open."""
