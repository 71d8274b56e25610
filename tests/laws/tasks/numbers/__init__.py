"""A task that Recurra does not have: the next number of a sequence. It shows that a task is one folder and one row."""
