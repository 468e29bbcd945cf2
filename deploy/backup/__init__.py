"""Backup and restore of the stores."""
