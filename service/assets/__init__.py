"""The assets of shots and films: their versions in database and store, fetching them, telling what they are."""
