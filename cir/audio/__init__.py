"""Sound as arrays: decoding, checking, resampling, log-frequency and log-mel features."""
