"""The web page: a folder per tab, the endpoints and the server."""
