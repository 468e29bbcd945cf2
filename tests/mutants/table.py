"""Faults that the suite must find: each takes a guard, a handler or a signature out of the source.

`tests` are node ids; at least one of them must fail with the fault in. They are few and quick, and need no service but Redis.
"""

from __future__ import annotations

from dataclasses import dataclass

MOVES = "models/task_moves.py"
CANCEL = "tests/integration/processor/test_cancel_everywhere.py::test_row_job_and_work_end_at_once"
STORIES = "tests/integration/processor/test_stories.py"
RECOVERY = "tests/integration/processor/test_recovery.py"
FAULTS = "tests/integration/processor/test_faults.py"
SOCKET = "tests/integration/routers/test_task_socket.py"
TIMELINE = "tests/unit/film/test_timeline.py::test_a_shot_is_as_long_as_its_narration_and_a_breath_rounded_up_to_frames"
LEASE = f"{RECOVERY}::test_a_lease_that_ran_out_is_adopted_and_its_late_holder_writes_nothing[sqlite]"


@dataclass(frozen=True)
class Mutant:
    """`find` stands in `file` exactly once, and becomes `replace`."""

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]


MUTANTS = (
    # The state machine and its leases
    Mutant(
        "a lease that still holds is taken over",
        MOVES,
        "and_(Task.status == TaskStatus.PROCESSING, Task.lease_until < now_ms)",
        "and_(Task.status == TaskStatus.PROCESSING)",
        (LEASE,),
    ),
    Mutant(
        "who lost the lease may still write",
        MOVES,
        "Task.status == TaskStatus.PROCESSING, Task.lease_owner == owner)\n\n\ndef _ended",
        "Task.status.is_not(None))\n\n\ndef _ended",
        (LEASE,),
    ),
    Mutant(
        "deaths of processors are not counted",
        MOVES,
        "crashes=Task.crashes + 1, ",
        "",
        ("tests/integration/processor/test_crashes.py::test_a_task_that_outlives_a_few_processors_is_done[sqlite]",),
    ),
    Mutant(
        "an ended task can be cancelled",
        MOVES,
        "update(Task).where(Task.id == task_id, Task.status.in_(OPEN))\n    return _hit(session, statement.values(message=reason",
        "update(Task).where(Task.id == task_id)\n    return _hit(session, statement.values(message=reason",
        ("tests/integration/processor/test_cancelling.py::test_what_has_ended_cannot_be_cancelled[sqlite-cancelled]",),
    ),
    Mutant(
        "a finished task names no time",
        MOVES,
        '"finished_at": now,\n        "updated_at"',
        '"updated_at"',
        (f"{STORIES}::test_a_finished_task_has_all_its_times_and_its_shot_says_so_in_the_same_commit[sqlite]",),
    ),
    Mutant(
        "pictures wait for ever for a storyboard that was called off",
        "service/settling.py",
        "if task.id in waiting.depends_on:",
        "if task.id in waiting.depends_on and task.status == TaskStatus.FINISHED:",
        (
            "tests/integration/processor/test_cancelling.py"
            "::test_cancelling_a_storyboard_cancels_the_pictures_that_wait_for_it[sqlite]",
        ),
    ),
    # Cancelling
    Mutant(
        "a cancel does not reach the poll",
        "processor/registry.py",
        "watch = self._watches.get(task_id)\n",
        "watch = self._watches.get(event)\n",
        (f"{CANCEL}[sqlite-at_work-by_route]",),
    ),
    Mutant(
        "a cancel does not reach the node",
        "service/calling_off.py",
        "    if jobs:\n",
        "    if not jobs:\n",
        (f"{CANCEL}[sqlite-at_work-by_shot_delete]",),
    ),
    Mutant(
        "a job that nobody waits for goes on",
        "processor/node_job.py",
        "if not handle.is_open():",
        "if False:",
        (f"{CANCEL}[sqlite-being_dispatched-by_route]",),
    ),
    Mutant(
        "what was stored for a task that was called off stays",
        "service/assets.py",
        "    remove(services, [asset.object_key, *companions])",
        "    remove(services, companions)",
        (f"{CANCEL}[sqlite-being_stored-by_route]",),
    ),
    # Handlers
    Mutant(
        "the node's progress is dropped",
        "processor/node_job.py",
        "handle.report(job.progress or 0, job.message or",
        "handle.report(0, job.message or",
        (f"{STORIES}::test_progress_and_message_of_the_node_reach_the_row_in_order[sqlite]",),
    ),
    Mutant(
        "scenes and waiting pictures are paired backwards",
        "processor/handlers/storyboard.py",
        "task = waiting[order - 1] if",
        "task = waiting[-order] if",
        (f"{STORIES}::test_a_story_gets_its_shots_and_pictures_in_order[sqlite]",),
    ),
    Mutant(
        "surplus pictures stay blocked",
        "processor/handlers/storyboard.py",
        "            session.delete(surplus)\n",
        "            session.refresh(surplus)\n",
        (f"{STORIES}::test_fewer_scenes_than_asked_delete_the_surplus_tasks_and_more_add_some[sqlite]",),
    ),
    Mutant(
        "the shot is not told of its picture",
        "processor/handlers/image.py",
        "shot.image_path, shot.status = key, ShotStatus.COMPLETED",
        "shot.status = ShotStatus.COMPLETED",
        (f"{FAULTS}::test_result_row_and_shot_become_visible_in_one_commit[sqlite]",),
    ),
    Mutant(
        "a task gets a tenth of its time",
        "processor/node_job.py",
        "<= minutes * 60:",
        "<= minutes * 6:",
        (f"{FAULTS}::test_a_job_that_takes_longer_than_the_limit_fails_in_words_and_is_stopped_on_the_node[sqlite]",),
    ),
    # What clients see and send
    Mutant(
        "times have fractions",
        "routers/wire.py",
        '.strftime("%Y-%m-%dT%H:%M:%SZ") if value else ZERO_TIME',
        '.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else ZERO_TIME',
        ("tests/contract/test_parameters.py::test_times_are_whole_seconds_with_an_offset_everywhere",),
    ),
    Mutant(
        "the socket of a cancelled task stays open",
        "routers/task_socket.py",
        "if row.status in ENDED:",
        "if row.status in ENDED[:2]:",
        (f"{SOCKET}::test_a_task_that_has_ended_is_sent_once[cancelled]",),
    ),
    Mutant(
        "a story may be longer than the limit",
        "service/requests.py",
        '"story_text": limits.max_chars,',
        '"story_text": 10 * limits.max_chars,',
        (
            "tests/integration/routers/test_bad_input.py::test_bad_input_is_refused_in_words_and_nothing_is_stored[sqlite]",
        ),
    ),
    Mutant(
        "NUL characters pass",
        "service/requests.py",
        'if "\\x00" in value:',
        'if "\\x00" == value:',
        (
            "tests/integration/routers/test_bad_input.py::test_bad_input_is_refused_in_words_and_nothing_is_stored[sqlite]",
        ),
    ),
    Mutant(
        "a request line may be of any length",
        "routers/request_line.py",
        "if length(environ) <= self._limit:",
        "if length(environ) <= 2 * self._limit:",
        ("tests/unit/routers/test_request_line.py",),
    ),
    # Stored objects
    Mutant(
        "a key may lead out of its folder",
        "service/oss/keys.py",
        '_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")',
        '_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,128}")',
        ("tests/unit/oss/test_keys.py",),
    ),
    Mutant(
        "a URL opens every object",
        "service/oss/local.py",
        'if claims["sub"] != key:',
        'if claims["sub"] == "":',
        ("tests/unit/oss/test_local_urls.py::test_a_url_opens_its_own_object_only",),
    ),
    Mutant(
        "a URL never expires",
        "service/oss/local.py",
        'if claims["exp"] <= self._now().timestamp():',
        'if claims["exp"] <= 0:',
        ("tests/unit/oss/test_local_urls.py::test_a_url_lives_for_seven_days_from_the_full_hour",),
    ),
    Mutant(
        "an old delivery of the webhook is believed",
        "service/webhook.py",
        "abs(now - sent) > TOLERANCE",
        "now - sent > 100 * TOLERANCE",
        ("tests/unit/service/test_webhook.py::test_a_timestamp_further_off_is_refused",),
    ),
    # The film
    Mutant(
        "the narration begins within the transition",
        "service/film/timeline.py",
        "leads.append(intro + math.floor(spec.breath_s / 2 * fps + 1e-9))",
        "leads.append(intro)",
        (TIMELINE,),
    ),
    Mutant(
        "a shot ends with its last word",
        "service/film/timeline.py",
        "wanted = max(narration + spec.breath_s,",
        "wanted = max(narration,",
        (TIMELINE,),
    ),
)
