"""Second inputs of each kind that attackers found, against servers as they are started in the field."""
