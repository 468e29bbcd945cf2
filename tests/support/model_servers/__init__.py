"""Stand-ins for the model servers that users have, a module an API, over real HTTP on a free port of loopback.

Each is a context manager that serves from the start, at `url`. It takes exactly what its API documents and refuses everything else; what it
answers is computed from the request. `faults` (or `script`, later) queue behaviours by name, one for each of the next requests, "ok" among
them for a proper answer; `always` is the behaviour of every request for which none is queued. `names()` lists them.
"""
