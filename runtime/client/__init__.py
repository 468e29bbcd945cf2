"""`main.py project` and `main.py tasks`: a client of a running server, over the same HTTP interface as any other."""
