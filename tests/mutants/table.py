"""Faults that the suite must find: each takes a guard, a handler or a signature out of the server."""

from __future__ import annotations

import ast
import hmac
import math
import re
import threading

from sqlalchemy.orm import Session

from common import hidden_credentials
from config import admission
from models import account, outbox, queries, reads, stray_job, task_endings, task_transitions
from models.account import Account, ApiKey, LoginSession
from models.outbox import Removal
from models.row_versions import RowVersions
from models.task import ENDED, Task
from processor import node_dispatch, node_job
from processor.cancellation import CancellationRegistry, CancelToken
from processor.claimed_task import ClaimedTask
from processor.handlers import storyboard
from routers import hot_reads, middleware, serializers
from routers.access import gate
from routers.access.gate import Gate
from routers.access.rate_limits import RateLimits
from routers.access.url_credentials import UrlCredentials
from routers.api import webhook
from routers.hot_reads import HotReads
from routers.websocket import follow, task_feed
from service import music, schemas
from service.access import logins, passwords, principals, quotas
from service.access.tokens import ACCESS, REFRESH, Tokens
from service.assets import shot_versions, versions
from service.film.timeline import make_timeline
from service.oss import keys, link_tokens
from service.workflow import cancellation, completion, once
from tests.mutants.faults import InFunction, InModule, Mutant
from tests.mutants.operators import (
    always,
    change_comparison,
    change_constant,
    drop_entry,
    drop_operand,
    drop_statement,
    drop_term,
    never,
    reverse_index,
)

HOSTILE = "tests/integration/hostile"
AT_ONCE = "tests/integration/routers/test_at_once.py"
NOT_HELD = f"{HOSTILE}/test_credentials.py::test_a_credential_that_does_not_hold_opens_no_route"
CANCEL = "tests/integration/processor/test_cancel_everywhere.py::test_row_job_and_work_end_at_once"
CANCELLING = "tests/integration/processor/test_cancelling.py"
STORIES = "tests/integration/processor/test_stories.py"
REMOVALS = "tests/integration/processor/test_removals.py"
FAULTS = "tests/integration/processor/test_faults.py"
VERSIONS = "tests/unit/models/test_row_versions.py"
SOCKET = "tests/integration/routers/websocket/test_follow.py"
BAD_INPUT = (
    "tests/integration/routers/test_bad_input.py::test_bad_input_is_refused_in_words_and_nothing_is_stored[sqlite]"
)
WEBHOOK = "tests/unit/routers/test_webhook.py"
TIMELINE = "tests/unit/film/test_timeline.py::test_a_shot_is_as_long_as_its_narration_and_a_breath_rounded_up_to_frames"
LEASE = (
    "tests/integration/processor/test_recovery.py"
    "::test_a_lease_that_ran_out_is_adopted_and_its_late_holder_writes_nothing[sqlite]"
)


MUTANTS = (
    # Who may come in
    Mutant(
        "everybody is let in wherever the server listens",
        InFunction(admission.needs_login, always(admission.is_loopback)),
        ("tests/unit/config/test_admission.py::test_where_others_reach_it_a_login_is_needed",),
    ),
    Mutant(
        "one route too many is public",
        InModule(gate, gate.PUBLIC, gate.PUBLIC | {"v1.projects.page"}),
        (f"{HOSTILE}/test_credentials.py::test_every_route_but_the_public_ones_refuses_who_has_no_credential",),
    ),
    Mutant(
        "what lies ready is given to whoever is known",
        InFunction(hot_reads._sees, always("sees_all")),
        (f"{AT_ONCE}::test_only_who_is_known_is_answered_at_once",),
    ),
    Mutant(
        "what lies ready is not counted",
        InFunction(HotReads._at_once, drop_statement(Gate.count_at_once)),
        (f"{AT_ONCE}::test_a_limit_counts_what_is_given_at_once_and_lets_no_more_through",),
    ),
    Mutant(
        "a token needs no end",
        InFunction(Tokens.read, drop_entry("require")),
        (f"{NOT_HELD}[token: without exp]",),
    ),
    Mutant(
        "a refresh token is as good as an access token",
        InModule(logins, REFRESH, ACCESS),
        (f"{NOT_HELD}[token: a refresh token]",),
    ),
    Mutant(
        "a token may name another account than its login",
        InFunction(principals.of_credential, drop_operand("subject")),
        (f"{NOT_HELD}[token: the victim's subject in the attacker's login]",),
    ),
    Mutant(
        "a login that was left goes on",
        InFunction(account.login, drop_operand(LoginSession.revoked_at)),
        (f"{NOT_HELD}[token: a revoked login]",),
    ),
    Mutant(
        "a disabled account's login goes on",
        InFunction(account.login, drop_operand(Account.disabled_at)),
        (f"{NOT_HELD}[token: a disabled account]",),
    ),
    Mutant(
        "a revoked key goes on",
        InFunction(account.key_with_hash, drop_operand(ApiKey.revoked_at)),
        (f"{NOT_HELD}[key: revoked]",),
    ),
    Mutant(
        "a key that has expired goes on",
        InFunction(principals.of_key, drop_operand(principals._is_over)),
        (f"{NOT_HELD}[key: expired]",),
    ),
    Mutant(
        "a login that has expired goes on",
        InFunction(principals.of_credential, drop_operand("expires_at")),
        (f"{NOT_HELD}[token: a login that has expired]",),
    ),
    Mutant(
        "every key opens an address",
        InFunction(Gate._principal, never("LEGACY")),
        (
            f"{HOSTILE}/test_credentials.py::test_nor_does_an_address_with_a_key_that_is_not_for_addresses"
            "[an admin's key in the path]",
        ),
    ),
    Mutant(
        "a copied refresh token leaves its login as it is",
        InFunction(logins._rotate, drop_statement("revoke_login")),
        (f"{HOSTILE}/test_logins.py::test_a_refresh_token_counts_once_and_its_copy_ends_the_login",),
    ),
    Mutant(
        "eight passwords are hashed at once",
        InModule(passwords, passwords._turns, threading.BoundedSemaphore(8)),
        (f"{HOSTILE}/test_logins.py::test_no_more_than_two_passwords_are_hashed_at_once",),
    ),
    Mutant(
        "failed logins are not counted",
        InFunction(RateLimits.check_login, never("test")),
        (f"{HOSTILE}/test_logins.py::test_failed_logins_are_slowed_and_the_right_password_too",),
    ),
    # What they may do
    Mutant(
        "a key that may read writes",
        InFunction(Gate._check, never("may_write")),
        (f"{HOSTILE}/test_owners.py::test_a_key_that_may_read_changes_nothing",),
    ),
    Mutant(
        "everybody sees what is others'",
        InFunction(queries._own, always("owned")),
        (f"{HOSTILE}/test_owners.py::test_what_is_anothers_is_answered_as_what_is_not_there",),
    ),
    Mutant(
        "everybody reads what is others'",
        InFunction(reads._is_restricted, change_comparison(ast.IsNot, ast.Is)),
        (f"{HOSTILE}/test_owners.py::test_what_is_anothers_is_answered_as_what_is_not_there",),
    ),
    # What is kept of reads
    Mutant(
        "what was read before a commit is kept after it",
        InFunction(RowVersions.settled, always("began")),
        (f"{VERSIONS}::test_what_was_read_beside_a_commit_is_not_kept",),
    ),
    Mutant(
        "an answer is given again while a commit is on its way",
        InFunction(RowVersions.holds, drop_operand("NO_MARKS")),
        (f"{VERSIONS}::test_what_was_read_holds_until_another_process_commits",),
    ),
    Mutant(
        "a killed process's marks stay",
        InFunction(RowVersions.sweep, drop_statement(RowVersions._clean)),
        (f"{VERSIONS}::test_the_marks_of_a_killed_process_go_and_what_was_kept_goes_with_them",),
    ),
    Mutant(
        "others' music is heard",
        InFunction(music._pieces, always("owner")),
        (f"{HOSTILE}/test_owners.py::test_anothers_music_is_not_laid_under_a_film",),
    ),
    Mutant(
        "others' tasks are told on sockets",
        InFunction(task_feed._may_see, change_comparison(ast.Eq, ast.NotEq)),
        (f"{HOSTILE}/test_owners.py::test_the_thread_that_reads_for_all_sockets_hands_out_nothing_of_anothers",),
    ),
    Mutant(
        "a cookie is consent enough",
        InFunction(Gate._check, drop_statement(Gate.check_form_token)),
        (f"{HOSTILE}/test_pages.py::test_cookies_alone_change_nothing",),
    ),
    Mutant(
        "a page of any origin opens sockets",
        InFunction(Gate._check, never("is_from_own_page")),
        (f"{HOSTILE}/test_pages.py::test_no_socket_opens_by_cookies_for_a_page_of_another_origin",),
    ),
    # How often, and how much
    Mutant(
        "requests are not counted",
        InFunction(RateLimits.take, never("_counted")),
        (f"{HOSTILE}/test_limits.py::test_a_limit_holds_at_its_edge_and_each_class_has_its_own",),
    ),
    Mutant(
        "stories are not counted",
        InFunction(quotas._check_day, never("stories_per_day")),
        (f"{HOSTILE}/test_limits.py::test_an_account_gets_no_more_than_its_quota[stories]",),
    ),
    Mutant(
        "what was asked for twice is made twice",
        InFunction(once.begin, drop_statement("insert")),
        (f"{HOSTILE}/test_twins.py::test_twice_makes_one_thing_with_the_same_answer[sqlite-v1.projects.create]",),
    ),
    Mutant(
        "another request under the same key gets the first one's answer",
        InFunction(once._kept, never("body_hash")),
        (f"{HOSTILE}/test_twins.py::test_another_request_under_the_same_key_is_refused[sqlite]",),
    ),
    Mutant(
        "keys stay in the address that a request came by",
        InFunction(UrlCredentials.__call__, drop_statement("_forget_raw_address")),
        ("tests/unit/routers/test_url_credentials.py::test_a_key_in_the_path_is_kept_for_the_gate_alone",),
    ),
    Mutant(
        "keys in addresses are logged",
        InModule(hidden_credentials, hidden_credentials._PATTERNS, ()),
        ("tests/unit/common/test_hidden_credentials.py::test_what_lets_somebody_in_is_masked",),
    ),
    # The state machine and its leases
    Mutant(
        "a lease that still holds is taken over",
        InFunction(task_transitions.claimable, drop_operand(Task.lease_until)),
        (LEASE,),
    ),
    Mutant(
        "who lost the lease may still write",
        InFunction(task_transitions.held_by, drop_operand(Task.lease_owner)),
        (f"{FAULTS}::test_a_job_is_not_cancelled_by_a_processor_that_lost_the_task_to_another[sqlite]",),
    ),
    Mutant(
        "deaths of processors are not counted",
        InFunction(task_transitions.claim, drop_entry(Task.crashes)),
        ("tests/integration/processor/test_crashes.py::test_a_task_that_outlives_a_few_processors_is_done[sqlite]",),
    ),
    Mutant(
        "an ended task can be cancelled",
        InFunction(task_endings.terminate, drop_operand(Task.status)),
        (f"{CANCELLING}::test_what_has_ended_cannot_be_cancelled[sqlite-cancelled]",),
    ),
    Mutant(
        "a finished task names no time",
        InFunction(task_endings._end_values, drop_entry(Task.finished_at)),
        (f"{STORIES}::test_a_finished_task_has_all_its_times_and_its_shot_says_so_in_the_same_commit[sqlite]",),
    ),
    Mutant(
        "pictures wait for ever for a storyboard that was cancelled",
        InFunction(completion._end_with_storyboard, never(task_endings.terminate)),
        (f"{CANCELLING}::test_cancelling_a_storyboard_cancels_the_images_that_wait_for_it[sqlite]",),
    ),
    # Cancelling
    Mutant(
        "a cancel does not reach the poll",
        InFunction(CancellationRegistry.on_event, drop_statement(CancelToken.cancel)),
        (f"{CANCEL}[sqlite-at_work-by_route]",),
    ),
    Mutant(
        "a cancel does not reach the node",
        InFunction(cancellation.stop_work, drop_statement(threading.Thread)),
        (f"{CANCEL}[sqlite-at_work-by_shot_delete]",),
    ),
    Mutant(
        "the orphaned job of a cancelled task goes on running",
        InFunction(node_dispatch.Dispatcher._keep, never(ClaimedTask.is_open)),
        (f"{CANCEL}[sqlite-being_dispatched-by_route]",),
    ),
    Mutant(
        "a job that is moved off a silent node goes on running there",
        InFunction(ClaimedTask.record_job, drop_statement(stray_job.leave)),
        (
            "tests/integration/processor/test_several_nodes.py::"
            "test_a_node_that_stays_away_loses_its_job_to_another_and_is_told_so_when_it_is_back[sqlite-down]",
        ),
    ),
    Mutant(
        "what was stored for a task that was cancelled stays",
        InFunction(versions.discard, drop_statement(outbox.give_up)),
        (f"{CANCEL}[sqlite-being_stored-by_route]",),
    ),
    Mutant(
        "an upload that is being removed can be committed",
        InFunction(outbox.keep, drop_operand(Removal.passes)),
        (f"{REMOVALS}::test_an_upload_whose_process_died_goes_and_cannot_be_committed_any_more[sqlite]",),
    ),
    # Handlers
    Mutant(
        "the node's progress is dropped",
        InFunction(node_job.run_job, drop_operand("progress")),
        (f"{STORIES}::test_progress_and_message_of_the_node_reach_the_row_in_order[sqlite]",),
    ),
    Mutant(
        "scenes and waiting image tasks are paired backwards",
        InFunction(storyboard._Board.write, reverse_index()),
        (f"{STORIES}::test_a_story_gets_its_shots_and_images_in_order[sqlite]",),
    ),
    Mutant(
        "surplus image tasks stay blocked",
        InFunction(storyboard._Board.write, drop_statement(Session.delete)),
        (f"{STORIES}::test_fewer_scenes_than_asked_delete_the_surplus_tasks_and_more_add_some[sqlite]",),
    ),
    Mutant(
        "the shot does not get its image",
        InFunction(shot_versions.publish, drop_statement(shot_versions.show)),
        (f"{FAULTS}::test_result_row_and_shot_become_visible_in_one_commit[sqlite]",),
    ),
    Mutant(
        "a task gets a tenth of its time",
        InFunction(node_job._check_limit, change_constant(60, 6)),
        (f"{FAULTS}::test_a_job_that_takes_longer_than_the_limit_fails_in_words_and_is_stopped_on_the_node[sqlite]",),
    ),
    # What clients see and send
    Mutant(
        "times have fractions",
        InFunction(serializers.time, change_constant("seconds", "milliseconds")),
        ("tests/contract/test_parameters.py::test_times_are_whole_seconds_with_an_offset_everywhere",),
    ),
    Mutant(
        "the socket of a cancelled task stays open",
        InModule(follow, ENDED, ENDED[:2]),
        (f"{SOCKET}::test_a_task_that_has_ended_is_sent_once[cancelled]",),
    ),
    Mutant(
        "a story may be longer than the limit",
        InFunction(schemas.longest, drop_entry("story_text")),
        (BAD_INPUT,),
    ),
    Mutant(
        "NUL characters pass",
        InFunction(schemas._check_text, change_comparison(ast.In, ast.Eq)),
        (BAD_INPUT,),
    ),
    Mutant(
        "a request line may be of any length",
        InFunction(middleware.RequestLineLimit.__call__, always(middleware.request_line_length)),
        ("tests/unit/routers/test_request_line.py",),
    ),
    Mutant(
        "a webhook needs no signature",
        InFunction(webhook.verify, never(hmac.compare_digest)),
        (f"{WEBHOOK}::test_another_secret_or_another_body_is_refused",),
    ),
    Mutant(
        "an old delivery of the webhook is believed",
        InModule(webhook, webhook.TOLERANCE, 100 * webhook.TOLERANCE),
        (f"{WEBHOOK}::test_a_timestamp_further_off_is_refused",),
    ),
    # Stored objects
    Mutant(
        "a key may lead out of its folder",
        InModule(keys, keys._SEGMENT, re.compile(r"[A-Za-z0-9._-]{1,128}")),
        ("tests/unit/oss/test_keys.py",),
    ),
    Mutant(
        "a URL opens every object",
        InFunction(link_tokens.read, never("sub")),
        ("tests/unit/oss/test_local_urls.py::test_a_url_opens_its_own_object_only",),
    ),
    Mutant(
        "a URL never expires",
        InFunction(link_tokens.read, never("exp")),
        ("tests/unit/oss/test_local_urls.py::test_a_url_lives_for_seven_days_from_the_full_hour",),
    ),
    # The film
    Mutant(
        "the narration begins within the transition",
        InFunction(make_timeline, drop_term(math.floor)),
        (TIMELINE,),
    ),
    Mutant(
        "a shot ends with its last word",
        InFunction(make_timeline, drop_term("breath_s", of=2)),
        (TIMELINE,),
    ),
)
