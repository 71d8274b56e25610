"""What several tasks of text read."""
