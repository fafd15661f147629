"""An AST whose patches are made by a convolutional stem over a log-frequency spectrogram."""
