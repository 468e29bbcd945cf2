"""The settings and their limits. Sections and key names are those of the Go backend's config.yaml, so that its file is read as it is.

An empty address chooses the embedded part: SQLite for `mysql.dsn` and `database.url`, a valkey-server child for `redis.addr`, a local
folder for `minio.endpoint`, a child process for `worker.addr`. Nothing here reads a file or the environment; see `config.load`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from config import go_dsn, postgresql_url
from config.addresses import (
    parse_allowed_host,
    parse_base,
    parse_bucket,
    parse_endpoint,
    parse_group,
    parse_http,
    parse_listen,
    parse_location,
    parse_network,
    parse_node,
    parse_parameter,
    parse_path,
    parse_rate,
    parse_redis,
    parse_resolution,
    parse_sentry,
    parse_token,
)

# The upper bounds are far above anything sensible, and below what sockets, databases and dates can take.
Count = Annotated[int, Field(gt=0, le=100_000)]
Seconds = Annotated[int, Field(gt=0, le=86_400)]
Bytes = Annotated[int, Field(gt=0, le=1 << 40)]


def _holds(parse: Callable[[str], object], *, or_empty: bool = True) -> AfterValidator:
    """A text that `parse` understands, kept as it is."""

    def check(text: str) -> str:
        if text or not or_empty:
            parse(text)
        return text

    return AfterValidator(check)


def _level(text: str) -> str:
    """Go's loggers write `info` and `warn`."""
    return {"WARN": "WARNING"}.get(text.upper(), text.upper())


def _lower(text: str) -> str:
    return text.lower()


def _node_entry(given: object) -> object:
    """A node is written as its address alone, or as an object."""
    return {"addr": given} if isinstance(given, str) else given


def _base(addr: str) -> str:
    """What tells nodes apart, cut to what a task's row can hold."""
    return parse_node(addr)[0].base[:255]


class Section(BaseModel):
    """A section of config.yaml; a key that it does not name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """The HTTP server."""

    port: Annotated[str, _holds(parse_listen, or_empty=False)] = (
        "127.0.0.1:8080"  # "host:port", ":port" (all addresses) or "port"
    )
    public_url: Annotated[str, _holds(parse_base)] = ""  # scheme and host that clients use; "" = as the request came in
    allowed_hosts: list[Annotated[str, _holds(parse_allowed_host, or_empty=False)]] = []  # of requests; [] = any
    trusted_proxies: list[Annotated[str, _holds(parse_network, or_empty=False)]] = []  # whose X-Forwarded-* count
    processes: Annotated[int, Field(ge=0, le=64)] = 0  # 0 = one per core on a database server, one on SQLite
    threads: Count = 64  # gthread threads for plain HTTP of all processes, beside one per socket
    max_sockets: Count = 1000  # open WebSockets of tasks and projects of all processes; one more gets 503
    max_request_line: Bytes = 262_144  # bytes of the request line
    max_body: Bytes = 1_048_576  # bytes of a body; uploads have a limit of their own
    client_timeout_s: Seconds = 30  # how long a client may send or take nothing in mid-request
    cors_origins: list[str] = ["*"]
    accel_redirect: Annotated[str, _holds(parse_location)] = (
        ""  # nginx's location of the assets' folder; "" = sent by the server
    )
    answer_cache: Annotated[int, Field(ge=0, le=1 << 40)] = 72 << 20  # bytes that all processes keep; 0 = none
    assets_group: Annotated[str, _holds(parse_group)] = (
        ""  # may read the local folder's assets, for a proxy; "" = nobody
    )


class MysqlSettings(Section):
    """The database. `dsn` in Go's form: user:pass@tcp(host:port)/db?charset=utf8mb4&parseTime=True&loc=Local."""

    dsn: Annotated[str, _holds(go_dsn.parse)] = ""
    pool_size: Count = 24
    statement_timeout_s: Seconds = 30


class DatabaseSettings(Section):
    """The database where it is PostgreSQL. `url`: postgresql://user:password@host:5432/database?sslmode=require."""

    url: Annotated[str, _holds(postgresql_url.parse)] = ""
    pool_size: Count = 24
    statement_timeout_s: Seconds = 30


class RedisSettings(Section):
    """The queue. `addr` is "host:port", or the path of a Unix socket."""

    addr: Annotated[str, _holds(parse_redis)] = ""
    password: str = ""
    db: Annotated[int, Field(ge=0)] = 0  # below what redis.conf calls `databases`, usually 16
    queue: str = "storytovideo"


class NodeEntry(Section):
    """One of several model nodes; jobs go to them in proportion to their weights, and to back-ups where no other can do them."""

    addr: Annotated[str, _holds(parse_node, or_empty=False)]
    weight: Annotated[int, Field(ge=1, le=100)] = 1
    backup: bool = False
    token: Annotated[str, _holds(parse_token)] = ""


class WorkerSettings(Section):
    """The model nodes that the processor sends work to, and the processor's patience with them."""

    addr: Annotated[str, _holds(parse_node)] = ""
    addrs: list[Annotated[NodeEntry, BeforeValidator(_node_entry)]] = []  # one list with `addr`, where both are set
    token: Annotated[str, _holds(parse_token)] = ""  # of nodes that have none of their own
    node_patience: Annotated[int, Field(ge=0, le=86_400)] = 60  # seconds until a silent node's job goes to another
    timeout_minutes: Count = 20
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    dispatch_retries: Annotated[int, Field(ge=0, le=10)] = (
        5  # pauses of 1, 2, 4 … polls: enough for a node that starts anew
    )
    concurrency: Annotated[int, Field(ge=1, le=64)] = 5
    max_download: Bytes = 512 << 20  # bytes of one asset taken from the node
    webhook_secret: str = ""  # shared with the node; "" = drawn at start for the embedded node, else no webhooks

    @field_validator("addrs")
    @classmethod
    def _each_once(cls, addrs: list[NodeEntry]) -> list[NodeEntry]:
        bases = [_base(entry.addr) for entry in addrs]
        twice = next((base for base in bases if bases.count(base) > 1), None)
        if twice:
            raise ValueError(f"must name each node once, {twice} is there twice")
        return addrs

    @property
    def nodes(self) -> list[NodeEntry]:
        """All of them; `addr` comes first, unless `addrs` says more of it. Empty: one of the server's own is wanted."""
        known = {_base(entry.addr) for entry in self.addrs}
        own = [NodeEntry(addr=self.addr)] if self.addr and _base(self.addr) not in known else []
        return [entry.model_copy(update={"token": entry.token or self.token}) for entry in (*own, *self.addrs)]


VIRTUAL_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com", ".volces.com", ".ivolces.com", ".myqcloud.com")


class MinioSettings(Section):
    """Object storage."""

    endpoint: Annotated[str, _holds(parse_endpoint)] = ""
    access_key: str = ""
    secret_key: str = ""
    bucket: Annotated[str, _holds(parse_bucket, or_empty=False)] = "storytovideo"
    use_ssl: bool = False
    domain: Annotated[str, _holds(parse_http)] = ""  # host (or scheme://host) that clients see instead of the endpoint
    cdn: Annotated[str, _holds(parse_base)] = (
        ""  # base address of a CDN in front of the bucket; used in place of signed URLs' host
    )
    cdn_key: str = ""  # signs links that the CDN checks itself (type A), instead of the storage's signature
    cdn_parameter: Annotated[str, _holds(parse_parameter, or_empty=False)] = "auth_key"  # Tencent's is "sign"
    region: str = "us-east-1"
    addressing: Annotated[Literal["auto", "path", "virtual"], BeforeValidator(_lower)] = (
        "auto"  # host/bucket/key, or bucket.host/key
    )

    def is_virtual(self, host: str) -> bool:
        """Whether the bucket is a part of the host's name; "auto": at those providers that take nothing else."""
        return self.addressing == "virtual" or (self.addressing == "auto" and host.endswith(VIRTUAL_HOSTS))


class AiSettings(Section):
    """Two addresses in the Go backend's file that nothing uses; accepted so that the file is read as it is."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StorySettings(Section):
    """Limits of what a client may send."""

    max_chars: Annotated[int, Field(ge=1, le=200_000)] = 20_000  # no more: the model node refuses longer stories
    api_max_chars: Annotated[int, Field(ge=1, le=200_000)] = 500  # of a story on /api; max_chars bounds it there, too
    max_title: Annotated[int, Field(ge=1, le=255)] = 200  # no more: the width of the column
    max_shots: Annotated[int, Field(ge=1, le=200)] = 60
    default_shots: Annotated[int, Field(ge=1, le=200, validate_default=True)] = 6

    @field_validator("default_shots")
    @classmethod
    def _within_max_shots(cls, default_shots: int, info: ValidationInfo) -> int:
        most = info.data.get("max_shots", default_shots)
        if default_shots > most:
            raise ValueError(f"must be at most story.max_shots, which is {most}")
        return default_shots


class FilmSettings(Section):
    """The film pipeline's defaults; a request may override what the API lists."""

    resolution: Annotated[str, _holds(parse_resolution, or_empty=False)] = "1280x720"
    fps: Annotated[int, Field(ge=1, le=60)] = 30
    subtitles: Literal["burned", "soft", "both", "off"] = "burned"
    concurrent: Annotated[int, Field(ge=1, le=16)] = 1  # films at once on one host
    threads: Annotated[int, Field(ge=0, le=64)] = 0  # worker processes of one film; 0 = one per core
    timeout_s: Annotated[int, Field(ge=0, le=86_400)] = 0  # of one film; 0 = 300 s and ten times its length
    max_duration_s: Annotated[int, Field(ge=10, le=86_400)] = 14_400  # of a film, in seconds
    cache_gib: Annotated[float, Field(gt=0, le=1_000_000)] = 4.0
    cache_days: Annotated[float, Field(gt=0, le=36_500)] = 14.0
    max_music: Bytes = 64 << 20  # bytes of an uploaded piece of music
    max_upload: Bytes = 128 << 20  # bytes of an image, a narration or a clip that somebody uploads
    font: Annotated[str, _holds(parse_path)] = ""
    local_export: Annotated[str, _holds(parse_path)] = ""  # folder for `export: local`; "" = <data_dir>/films


def _all_or_number(value: Any) -> Any:
    return 0 if value == "all" else value


class KeepSettings(Section):
    """What stays of what was replaced, or has ended.

    `versions` of a shot's image, narration or clip beside the one that is shown; 0 ("all"): each. `tasks_days`: how long the rows of ended
    tasks stay; 0 ("all"): for good.
    """

    versions: Annotated[int, BeforeValidator(_all_or_number), Field(ge=0, le=10_000)] = 0
    tasks_days: Annotated[int, BeforeValidator(_all_or_number), Field(ge=0, le=36_500)] = 0


class LogSettings(Section):
    """Logging to standard error, and to Sentry where `sentry_dsn` is set."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_level)] = "INFO"
    format: Literal["text", "json"] = "text"
    access: bool = True  # a line for each request
    sentry_dsn: Annotated[str, _holds(parse_sentry)] = ""  # where errors are reported; "" = nowhere


class MetricsSettings(Section):
    """`/metrics`: who may read it, and where `main.py processor` has its own ("host:port", "" nowhere)."""

    allow_networks: list[Annotated[str, _holds(parse_network, or_empty=False)]] = ["127.0.0.0/8", "::1"]
    processor_port: Annotated[str, _holds(parse_listen)] = ""


def _long_enough(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError("must have at least 32 characters, or be empty for one that is drawn")
    return text


Switch = Annotated[Literal["auto", "true", "false"], BeforeValidator(_lower)]
Rate = Annotated[str, _holds(parse_rate, or_empty=False)]


class AuthSettings(Section):
    """Who may come in. `required`: "auto" is false where the server listens on loopback alone, and true elsewhere."""

    required: Switch = "auto"
    allow_anonymous: bool = False  # let everybody in though others can reach the server
    algorithm: Literal["HS256", "RS256"] = "HS256"
    secret: Annotated[str, AfterValidator(_long_enough)] = ""  # signs the tokens; "" = drawn into data_dir
    private_key: Annotated[str, _holds(parse_path)] = ""  # a PEM file, for RS256
    access_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    refresh_days: Annotated[int, Field(ge=1, le=365)] = 30


class LimitsSettings(Section):
    """How often one may ask, and how much an account may have (0: as much as it likes). `enabled`: "auto" is where a login is needed."""

    enabled: Switch = "auto"
    read: Rate = "120/second"
    write: Rate = "300/minute"
    expensive: Rate = "60/minute"  # what has the model node or the film pipeline work
    login: Rate = "10/minute"  # of one address
    failed_logins: Rate = "5/minute"  # of one name from one address; ten times as many from all of them
    without_redis: Literal["open", "closed"] = "open"
    stories_per_day: Annotated[int, Field(ge=0, le=100_000)] = 0
    films_per_day: Annotated[int, Field(ge=0, le=100_000)] = 0
    tasks_at_once: Annotated[int, Field(ge=0, le=100_000)] = 0
    stored_gib: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


class WebhookSettings(Section):
    """Webhooks of users: which networks of our own they may lead to, and how long one that does not answer is kept, and the log."""

    allow_networks: list[Annotated[str, _holds(parse_network, or_empty=False)]] = []
    disable_after_days: Annotated[float, Field(gt=0, le=365)] = 3.0
    keep_days: Annotated[float, Field(gt=0, le=3650)] = 30.0


class Settings(Section):
    """Everything that can be configured. `data_dir` holds what the embedded parts keep: database, assets, cache, secret.

    `node` is for the embedded model node, which knows its own settings (`doc/worker-node.md`) and names what is wrong with them.
    """

    data_dir: Annotated[Path, AfterValidator(parse_path)] = Path("data")
    server: ServerSettings = ServerSettings()
    mysql: MysqlSettings = MysqlSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    worker: WorkerSettings = WorkerSettings()
    minio: MinioSettings = MinioSettings()
    node: dict[str, Any] = Field(default_factory=dict)
    ai: AiSettings = AiSettings()
    story: StorySettings = StorySettings()
    film: FilmSettings = FilmSettings()
    keep: KeepSettings = KeepSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitsSettings = LimitsSettings()
    webhooks: WebhookSettings = WebhookSettings()

    @field_validator("database")
    @classmethod
    def _one_database(cls, database: DatabaseSettings, info: ValidationInfo) -> DatabaseSettings:
        mysql = info.data.get("mysql")
        if database.url and mysql is not None and mysql.dsn:
            raise ValueError(
                "names a PostgreSQL database in url while mysql.dsn names one too: leave one of them empty"
            )
        return database

    @property
    def is_on_sqlite(self) -> bool:
        """Whether the database is a file in `data_dir`."""
        return not (self.mysql.dsn or self.database.url)
