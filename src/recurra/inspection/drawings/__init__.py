"""Networks and cells as drawings: rolled, unrolled, and the graph of a step. Every function gives one <svg> element."""
