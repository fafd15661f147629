"""Sources of training sounds, one each."""
