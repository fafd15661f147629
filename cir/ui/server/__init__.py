"""The server behind the page: allowed hosts, limits, queue and clean-up."""
