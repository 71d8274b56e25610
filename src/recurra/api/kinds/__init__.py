"""The tasks, one file each: data in, network out, and what the report says of it."""
