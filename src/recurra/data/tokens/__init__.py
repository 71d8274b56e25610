"""Text to token ids and back: normalising, cutting into words, sub-words, vocabularies."""
