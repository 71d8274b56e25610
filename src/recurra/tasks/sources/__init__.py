"""What the user's data are."""
