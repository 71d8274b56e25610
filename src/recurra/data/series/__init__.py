"""Series in time: files, calendars, windows, scales."""
