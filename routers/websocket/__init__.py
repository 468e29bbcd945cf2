"""The task WebSocket: its route, what is said on it, the open connections, the feed of changes."""
