"""What several tasks write text with."""
