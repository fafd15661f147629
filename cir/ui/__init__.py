"""The web page: one file per tab, the map, the cards and the theme."""
