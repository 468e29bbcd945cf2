"""Many stories in one request: lines of JSON, or a ZIP of texts."""
