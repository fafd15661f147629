"""The offline suite: `make test`."""
