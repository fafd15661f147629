"""Endpoints and MCP tools for programs."""
