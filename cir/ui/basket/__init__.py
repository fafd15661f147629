"""The basket: matches collected across searches, to take home."""
