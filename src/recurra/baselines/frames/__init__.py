"""What a recurrent model of frames has to beat."""
