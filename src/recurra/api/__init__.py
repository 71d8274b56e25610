"""Training, loading and using models in three lines: what `import recurra` and the command line stand on."""
