"""Sound as arrays: decoding, checking, resampling, log-mel features."""
