"""A trained model behind a port: JSON and server-sent events, and sessions whose state stays on the server."""
