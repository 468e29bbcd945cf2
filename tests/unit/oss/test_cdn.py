"""Links that a CDN checks."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

import pytest

from config.settings import MinioSettings
from service.oss.cdn import type_a
from service.oss.minio import MinioStore

KEY = "projects/p1/films/1.mp4"


def test_the_example_of_the_documentation_is_met() -> None:
    """Of Aliyun's page on type A."""
    signed = datetime(2015, 10, 10, 0, 0, tzinfo=timezone.utc)
    assert int(signed.timestamp()) == 1444435200
    url = type_a("http://cdn.example.com", "video/standard/1K.html", "aliyuncdnexp1234", "auth_key", signed)
    md5 = "80cd3862d699b7118eed99103f2a3a4f"
    assert url == f"http://cdn.example.com/video/standard/1K.html?auth_key=1444435200-0-0-{md5}"


@pytest.mark.parametrize("parameter", ["auth_key", "sign"])
def test_links_are_the_cdns_own_and_the_same_within_the_hour(parameter: str) -> None:
    settings = MinioSettings(
        endpoint="minio:9000",
        access_key="a",
        secret_key="b" * 8,
        cdn="https://cdn.example.org/films/",
        cdn_key="key-of-the-cdn",
        cdn_parameter=parameter,
    )
    moment = datetime(2026, 1, 2, 10, 0, 1, tzinfo=timezone.utc)
    early, late, next_hour, another = (
        MinioStore(settings, now=lambda at=at: at).url(key)
        for at, key in (
            (moment, KEY),
            (moment.replace(minute=59), KEY),
            (moment.replace(hour=11), KEY),
            (moment, "a.mp3"),
        )
    )
    assert early == late
    assert early.startswith(f"https://cdn.example.org/films/{KEY}?{parameter}={int(moment.timestamp()) - 1}-0-0-")
    assert len({each.rpartition("-")[2] for each in (early, next_hour, another)}) == 3
    assert "X-Amz" not in early
    assert settings.cdn_key not in early


def test_a_cdn_that_checks_links_itself_is_asked_to_hand_on_how_to_save() -> None:
    settings = MinioSettings(
        endpoint="minio:9000", access_key="a", secret_key="b" * 8, cdn="https://cdn.example.org", cdn_key="key"
    )
    store = MinioStore(settings)
    plain, saved = store.url(KEY), store.url(KEY, saved_as="狐狸 & 月亮.mp4")
    assert saved.startswith(f"{plain}&")
    [wish] = parse_qs(urlsplit(saved).query)["response-content-disposition"]
    assert wish == "attachment; filename=film.mp4; filename*=UTF-8''%E7%8B%90%E7%8B%B8%20%26%20%E6%9C%88%E4%BA%AE.mp4"
