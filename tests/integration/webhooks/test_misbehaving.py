"""Receivers that misbehave: none holds up another, each is tried again, and its owner reads why."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from models.database_clock import database_now
from models.webhook import DeliveryState, Webhook
from processor import webhooks
from processor.webhooks import PAUSES_S, WebhookSender
from service.container import Services
from service.webhooks import endpoints
from service.webhooks.requests import WebhookChanges
from tests.integration.webhooks.conftest import Send, added, due_now, log_of
from tests.integration.webhooks.receivers import Behaviour, answering, receiving
from tests.support.servers.process import silent_port

gone = threading.Event()  # never set: who waits for it hangs


def hang(_wire: socket.socket) -> None:
    gone.wait(3)


def drip(lead: bytes) -> Behaviour:
    """A byte now and then, for ever."""

    def behave(wire: socket.socket) -> None:
        wire.sendall(lead)
        while not gone.wait(0.05):
            wire.sendall(b"x")

    return behave


def reset(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.close()


def flood(wire: socket.socket) -> None:
    wire.sendall(b"HTTP/1.1 500 No\r\n\r\n")
    while True:
        wire.sendall(bytes(65_536))


def header(status: str, *lines: str) -> Behaviour:
    return answering("\r\n".join([f"HTTP/1.1 {status}", *lines, "Content-Length: 0", "", ""]).encode())


FAULTS: dict[str, tuple[Behaviour, int | None, str]] = {
    "answers nothing": (hang, None, "超时"),
    "drips its headers": (drip(b"HTTP/1.1 200 OK\r\nX: "), None, "超时"),
    "drips its body": (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), None, "超时"),
    "drips before the status": (drip(b""), None, "超时"),
    "resets": (reset, None, "中断"),
    "closes at once": (answering(b""), None, "中断"),
    "speaks another protocol": (answering(b"220 mail.example ESMTP\r\n"), None, "中断"),
    "has endless headers": (answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000), None, "中断"),
    "says 500 with an endless body": (flood, 500, "HTTP 500"),
    "says 404": (header("404 Not Found"), 404, "HTTP 404"),
    "says 102 and no more": (answering(b"HTTP/1.1 102 Processing\r\n\r\n"), 102, "HTTP 102"),
    "moves away by 302": (header("302 Found", "Location: /elsewhere"), 302, "HTTP 302"),
    "moves in circles": (header("307 Temporary Redirect", "Location: /hook"), None, "重定向超过"),
    "moves to link-local": (header("308 Moved", "Location: http://169.254.169.254/latest"), None, "自己的网络"),
    "moves to IPv6 loopback": (header("307 Moved", "Location: http://[::1]:1/"), None, "自己的网络"),
    "moves to a file": (header("307 Moved", "Location: file:///etc/passwd"), None, "http"),
    "moves with a password": (header("307 Moved", "Location: http://u:p@127.0.0.1/"), None, "密码"),
}


@pytest.mark.usefixtures("hurried")
def test_receivers_that_misbehave_hold_up_nobody_and_their_owner_reads_why(services: Services, send: Send) -> None:
    with ExitStack() as opened:
        rows = {
            name: added(services, opened.enter_context(receiving(behave)).url)[0]
            for name, (behave, _, _) in FAULTS.items()
        }
        good = opened.enter_context(receiving())
        last, _ = added_beyond(services, good.url)
        for row in (*rows.values(), last):
            endpoints.test(services, row.id)
        for _ in range(4):
            send()
    found = {name: log_of(services, row)[0] for name, row in rows.items()}
    assert {name: (one.state, one.attempts, one.status) for name, one in found.items()} == {
        name: (DeliveryState.PENDING, 1, status) for name, (_, status, _) in FAULTS.items()
    }
    assert {name: one.error for name, one in found.items() if FAULTS[name][2] not in one.error} == {}
    assert [one.state for one in log_of(services, last)] == [DeliveryState.DELIVERED]
    assert len(good.received) == 1
    assert {endpoints.read(services, row.id).failures for row in rows.values()} == {1}


def added_beyond(services: Services, url: str) -> tuple[Webhook, str]:
    """One more, which is the last that is served: those that have waited longest come first."""
    row, secret = added(services, url)
    with services.database.write() as session:
        session.merge(row).retry_at = 1
    return row, secret


def test_who_is_not_there_and_whose_certificate_is_nobodys_is_told_to_the_owner(
    services: Services, send: Send, tmp_path: Path
) -> None:
    pem = tmp_path / "own.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1"]
    subprocess.run([*make, "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], check=True, capture_output=True)
    pem.write_text((tmp_path / "key").read_text() + (tmp_path / "crt").read_text())
    with silent_port() as port, receiving(certificate=pem) as secure:
        urls = [f"http://127.0.0.1:{port}/", "http://no-such-host.invalid/", secure.url]
        rows = [added(services, url)[0] for url in urls]
        for row in rows:
            endpoints.test(services, row.id)
        send()
    reasons = [log_of(services, row)[0].error for row in rows]
    assert {
        word: reason
        for word, reason in zip(["连接失败", "无法解析", "TLS"], reasons, strict=True)
        if word not in reason
    } == {}
    assert secure.received == []


def test_a_redirect_that_keeps_the_method_is_followed(services: Services, send: Send) -> None:
    with receiving() as there, receiving(header("308 Permanent Redirect", f"Location: {there.url}")) as here:
        row, _ = added(services, here.url)
        endpoints.test(services, row.id)
        send()
    assert [one.body for one in here.received] == [one.body for one in there.received] != []
    assert log_of(services, row)[0].status == 204


def test_a_receiver_says_when_to_come_again(services: Services, send: Send) -> None:
    with receiving(header("429 Too Many", "Retry-After: 3000")) as busy:
        row, _ = added(services, busy.url)
        endpoints.test(services, row.id)
        send()
    with services.database.read() as session:
        now_ms = database_now(session).timestamp() * 1000
    waits_s = ((log_of(services, row)[0].not_before or 0) - now_ms) / 1000
    assert 2900 < waits_s <= 3000


def test_a_message_is_given_up_after_a_day_and_may_be_sent_again(services: Services, send: Send) -> None:
    assert 23 * 3600 < sum(PAUSES_S) < 25 * 3600
    with receiving(header("500 No")) as receiver:
        row, _ = added(services, receiver.url)
        sent = endpoints.test(services, row.id)
        for _ in range(len(PAUSES_S) + 3):
            due_now(services)
            send()
        assert [one.state for one in log_of(services, row)] == [DeliveryState.FAILED]
        assert len(receiver.received) == len(PAUSES_S) + 1
        receiver.behave = header("200 OK")
        endpoints.resend(services, row.id, sent.message_id)
        send()
    assert {one.headers["webhook-id"] for one in receiver.received} == {sent.message_id}
    (last,) = log_of(services, row)
    assert (last.state, last.status, last.error, last.attempts) == (DeliveryState.DELIVERED, 200, "", 1)
    assert endpoints.read(services, row.id).failures == 0


@pytest.mark.parametrize("how", ["days of silence", "410"])
def test_a_receiver_is_disabled_in_words_and_can_be_enabled_again(services: Services, send: Send, how: str) -> None:
    with receiving(header("410 Gone" if how == "410" else "500 No")) as receiver:
        row, _ = added(services, receiver.url)
        for _ in range(3):
            endpoints.test(services, row.id)
        send()
        if how == "days of silence":
            assert endpoints.read(services, row.id).disabled_at is None
            with services.database.write() as session:
                session.merge(endpoints.read(services, row.id)).failing_since = database_now(session) - timedelta(
                    days=4
                )
            due_now(services)
            send()
        disabled = endpoints.read(services, row.id)
        assert disabled.disabled_at is not None
        assert ("410" if how == "410" else "3 天") in disabled.disabled_reason
        assert {one.state for one in log_of(services, row)} == {DeliveryState.FAILED}
        heard = len(receiver.received)
        due_now(services)
        send()
        assert len(receiver.received) == heard
        receiver.behave = header("200 OK")
        endpoints.change(services, row.id, WebhookChanges(enabled=True))
        endpoints.test(services, row.id)
        send()
        assert len(receiver.received) == heard + 1


def test_processors_that_share_the_work_send_each_message_once(services: Services) -> None:
    with receiving() as receiver:
        row, _ = added(services, receiver.url)
        sent = {endpoints.test(services, row.id).message_id for _ in range(20)}
        senders = [WebhookSender(services) for _ in range(3)]

        def rounds(sender: WebhookSender) -> None:
            while any(one.state == DeliveryState.PENDING for one in log_of(services, row)):
                sender.send(threading.Event())
                sender.wait()

        threads = [threading.Thread(target=rounds, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(one.headers["webhook-id"] for one in receiver.received) == sorted(sent)


def test_the_log_goes_after_its_time_and_with_its_webhook(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "CLEAN_AT_ONCE", 2)
    row, _ = added(services, "https://receiver.example/")
    other, _ = added(services, "https://receiver.example/")
    for _ in range(5):
        endpoints.test(services, row.id)
    waiting = endpoints.test(services, other.id)
    endpoints.change(services, row.id, WebhookChanges(enabled=False))
    with services.database.write() as session:
        for one in (*log_of(services, row), *log_of(services, other)):
            session.merge(one).created_at -= timedelta(days=31)
    clean: Callable[[], None] = WebhookSender(services)._forget
    clean()
    assert log_of(services, row) == []
    assert [one.message_id for one in log_of(services, other)] == [waiting.message_id]
    endpoints.remove(services, other.id)
    assert [one.id for one in endpoints.listed(services)] == [row.id]
