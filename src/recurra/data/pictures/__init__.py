"""Pictures: files in, bytes [C, H, W] out, within bounds."""
