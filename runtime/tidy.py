"""`main.py tidy`: what is kept beyond its time and what belongs to nothing, in numbers; with `--apply` it goes."""

from __future__ import annotations

import json
from collections.abc import Callable

from config.settings import Settings
from models.bootstrap import open_database
from runtime.data_dir import protect
from runtime.stores import open_store
from service.tidying import Stores, tidy


def run(settings: Settings, say: Callable[[str], object], *, apply: bool, as_json: bool) -> None:
    """Say what there is, kind by kind. Raises `StoryToVideoError`."""
    protect(settings)
    database = open_database(settings)
    try:
        for found in tidy(Stores(settings, database, open_store(settings)), rows=apply, objects=apply):
            say(json.dumps(found.as_json(), ensure_ascii=False) if as_json else found.in_words())
    finally:
        database.close()
    if not apply and not as_json:
        say("Nothing was removed; --apply removes it. Rows without an object are told, and stay.")
