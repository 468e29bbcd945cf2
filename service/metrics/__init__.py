"""What this server tells Prometheus: what its processes count (`instruments`, `requests`, `work`), and how things stand (`state`)."""
