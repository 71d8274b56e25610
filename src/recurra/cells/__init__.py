"""The maths of one step, one file per family, and the catalogue of their names."""
