"""Descriptors of the Timbre Toolbox.

G. Peeters, B. L. Giordano, P. Susini, N. Misdariis and S. McAdams, "The Timbre Toolbox: extracting
audio descriptors from musical signals", J. Acoust. Soc. Am. 130(5), 2011; "Peeters 2011" below. Its
definitions are written anew here, vectorised over frames, for three of its input representations:
the temporal energy envelope, the STFT (magnitude and power) and the harmonic partials. Each
function says where it deviates. Fundamental frequency and energies are left out of the description:
it is one of timbre.
"""
