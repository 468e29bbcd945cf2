"""The film pipeline: a library that turns images, clips, narrations and music into a film.

It knows no task, no database and no storage: `compose(spec, progress, cancel) -> report` takes local files and leaves local files.
"""
