"""A page that looks into a trained model while it reads: on this machine, or as one offline file."""
