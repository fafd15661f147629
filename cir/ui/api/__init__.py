"""What programs may ask: endpoints and MCP tools."""
