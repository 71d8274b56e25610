"""Files in, batches out: readers, splits, vocabularies, corpora and batches. Knows no torch."""
