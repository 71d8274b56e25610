"""One run's numbers as pictures and as one offline HTML page."""
