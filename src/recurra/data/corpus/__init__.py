"""Running text tokenised once and mapped from disk."""
