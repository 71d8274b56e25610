"""A network as one header and one source of C: no allocation, no library, one static state."""
