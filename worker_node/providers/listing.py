"""What a server has: the names in a list that it answers with."""

from __future__ import annotations

from worker_node.providers.deadline import Deadline
from worker_node.providers.http import HttpClient, json_or_text

LIST_S = 10.0


def listed(http: HttpClient, path: str, among: str, named: str) -> list[str]:
    """Of each object in the list `among` what stands under `named`; raises `ProviderUnable`."""
    found = json_or_text(http.call("GET", path, Deadline(LIST_S)).content)
    rows = found.get(among) if isinstance(found, dict) else None
    return [
        str(each[named])
        for each in (rows if isinstance(rows, list) else [])
        if isinstance(each, dict) and named in each
    ]
