"""The language of cells: symbols, the program of one step, its derivative, and how it is shown."""
