-- The tables for PostgreSQL: those of StoryToVideo.sql, which says what they are for; a test holds this file to it. Runs at every start and
-- changes nothing that is there; tables of an older shape are brought up to this one by upgrade/NNN-*.postgresql.sql, all in one transaction.
-- Times are without a zone and hold UTC. The index that lists are searched by is missing: PostgreSQL keeps long texts apart from their rows
-- by itself, and no index of its takes them.

CREATE TABLE IF NOT EXISTS schema_info (
  name          VARCHAR(64)  NOT NULL PRIMARY KEY,
  value         VARCHAR(255) NOT NULL
);

CREATE TABLE IF NOT EXISTS project (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  title         VARCHAR(255) NOT NULL,
  story_text    TEXT         NOT NULL,
  style         VARCHAR(64)  NOT NULL,
  status        VARCHAR(32)  NOT NULL,
  cover_image   VARCHAR(1024),
  duration      INTEGER DEFAULT 0,
  video_url     VARCHAR(1024),
  description   TEXT,
  shot_count    INTEGER DEFAULT 0,
  created_at    TIMESTAMP(6) NOT NULL,
  updated_at    TIMESTAMP(6) NOT NULL,
  bgm           VARCHAR(255),
  seq           BIGINT NOT NULL DEFAULT 0,
  aspect        VARCHAR(8),
  telling       VARCHAR(16),
  cost          VARCHAR(64),
  owner_id      VARCHAR(64),
  options       JSON,
  UNIQUE (created_at, seq, id),
  UNIQUE (owner_id, created_at, seq, id)
);

CREATE TABLE IF NOT EXISTS shot (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  "order"       INTEGER      NOT NULL,
  title         VARCHAR(255) NOT NULL,
  description   TEXT,
  prompt        TEXT,
  status        VARCHAR(32)  NOT NULL,
  image_path    VARCHAR(1024),
  audio_path    VARCHAR(1024),
  transition    VARCHAR(64),
  created_at    TIMESTAMP(6) NOT NULL,
  updated_at    TIMESTAMP(6) NOT NULL,
  narration     TEXT,
  video_path    VARCHAR(1024),
  duration      INTEGER DEFAULT 0,
  motion        VARCHAR(8),
  UNIQUE (project_id, "order", id),
  FOREIGN KEY (project_id) REFERENCES project (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS task (
  id                 VARCHAR(64) NOT NULL PRIMARY KEY,
  project_id         VARCHAR(64) NOT NULL,
  shot_id            VARCHAR(64),
  type               VARCHAR(32) NOT NULL,
  status             VARCHAR(32) NOT NULL,
  progress           INTEGER DEFAULT 0,
  message            TEXT,
  parameters         JSON,
  result             JSON,
  error              TEXT,
  estimated_duration INTEGER DEFAULT 0,
  started_at         TIMESTAMP(6) NULL DEFAULT NULL,
  finished_at        TIMESTAMP(6) NULL DEFAULT NULL,
  created_at         TIMESTAMP(6) NOT NULL,
  updated_at         TIMESTAMP(6) NOT NULL,
  seq                BIGINT NOT NULL DEFAULT 0,
  parent_id          VARCHAR(64),
  lease_owner        VARCHAR(64),
  lease_until        BIGINT NOT NULL DEFAULT 0,
  not_before         BIGINT NOT NULL DEFAULT 0,
  attempts           INTEGER NOT NULL DEFAULT 0,
  request_id         VARCHAR(64),
  crashes            INTEGER NOT NULL DEFAULT 0,
  node               VARCHAR(255),
  owner_id           VARCHAR(64),
  UNIQUE (project_id, created_at, seq, id),
  UNIQUE (project_id, status, id),
  UNIQUE (project_id, type, created_at, seq, id),
  UNIQUE (status, id),
  UNIQUE (shot_id, id),
  UNIQUE (parent_id, id),
  UNIQUE (owner_id, status, id),
  FOREIGN KEY (project_id) REFERENCES project (id) ON DELETE CASCADE,
  FOREIGN KEY (shot_id) REFERENCES shot (id) ON DELETE SET NULL
);

CREATE TABLE IF NOT EXISTS asset (
  object_key    VARCHAR(255) NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  shot_id       VARCHAR(64)  NOT NULL,
  task_id       VARCHAR(64)  NOT NULL,
  kind          VARCHAR(16)  NOT NULL,
  number        INTEGER      NOT NULL,
  title         VARCHAR(255) NOT NULL,
  sha256        VARCHAR(64)  NOT NULL,
  size          BIGINT       NOT NULL,
  content_type  VARCHAR(128) NOT NULL,
  details       JSON,
  created_at    TIMESTAMP(6) NOT NULL,
  stored_at     TIMESTAMP(6) NULL DEFAULT NULL,
  owner_id      VARCHAR(64),
  UNIQUE (project_id, kind, shot_id, number)
);

CREATE TABLE IF NOT EXISTS cast_member (
  project_id    VARCHAR(64)  NOT NULL,
  position      INTEGER      NOT NULL,
  name          VARCHAR(255) NOT NULL,
  look_zh       TEXT,
  look_en       TEXT,
  id            VARCHAR(64),
  voice         VARCHAR(64),
  reference     VARCHAR(1024),
  updated_at    TIMESTAMP(6) NULL DEFAULT NULL,
  PRIMARY KEY (project_id, position)
);

CREATE TABLE IF NOT EXISTS outbox (
  object_key    VARCHAR(255) NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  passes        INTEGER      NOT NULL,
  not_before    BIGINT       NOT NULL,
  attempts      INTEGER      NOT NULL,
  UNIQUE (not_before, object_key),
  UNIQUE (project_id, object_key)
);

CREATE TABLE IF NOT EXISTS deletion (
  project_id    VARCHAR(64) NOT NULL,
  shot_id       VARCHAR(64) NOT NULL,
  until_ms      BIGINT       NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
);

CREATE TABLE IF NOT EXISTS shot_undo (
  project_id    VARCHAR(64) NOT NULL,
  shot_id       VARCHAR(64) NOT NULL,
  until_ms      BIGINT       NOT NULL,
  edit          JSON         NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
);

CREATE TABLE IF NOT EXISTS stray_job (
  task_id       VARCHAR(64)  NOT NULL,
  node          VARCHAR(255) NOT NULL,
  job_id        VARCHAR(128) NOT NULL,
  passes        INTEGER      NOT NULL,
  not_before    BIGINT       NOT NULL,
  PRIMARY KEY (task_id, node, job_id)
);

CREATE TABLE IF NOT EXISTS account (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  name          VARCHAR(64) NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  role          VARCHAR(16)  NOT NULL,
  created_at    TIMESTAMP(6) NOT NULL,
  disabled_at   TIMESTAMP(6) NULL DEFAULT NULL,
  quota_day     INTEGER NOT NULL DEFAULT 0,
  stories       INTEGER NOT NULL DEFAULT 0,
  films         INTEGER NOT NULL DEFAULT 0,
  UNIQUE (name)
);

CREATE TABLE IF NOT EXISTS login_session (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  account_id    VARCHAR(64)  NOT NULL,
  refresh_id    VARCHAR(64)  NOT NULL,
  created_at    TIMESTAMP(6) NOT NULL,
  expires_at    TIMESTAMP(6) NOT NULL,
  revoked_at    TIMESTAMP(6) NULL DEFAULT NULL,
  UNIQUE (account_id, id)
);

CREATE TABLE IF NOT EXISTS api_key (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  account_id    VARCHAR(64)  NOT NULL,
  name          VARCHAR(64)  NOT NULL,
  secret_hash   VARCHAR(64)  NOT NULL,
  scope         VARCHAR(16)  NOT NULL,
  created_at    TIMESTAMP(6) NOT NULL,
  expires_at    TIMESTAMP(6) NULL DEFAULT NULL,
  last_used_at  TIMESTAMP(6) NULL DEFAULT NULL,
  revoked_at    TIMESTAMP(6) NULL DEFAULT NULL,
  UNIQUE (secret_hash),
  UNIQUE (account_id, id)
);

CREATE TABLE IF NOT EXISTS idempotency (
  owner         VARCHAR(64)  NOT NULL,
  route         VARCHAR(64)  NOT NULL,
  request_key   VARCHAR(255) NOT NULL,
  body_hash     VARCHAR(64)  NOT NULL,
  result        JSON,
  created_at    TIMESTAMP(6) NOT NULL,
  PRIMARY KEY (owner, route, request_key),
  UNIQUE (created_at, owner, route, request_key)
);

CREATE TABLE IF NOT EXISTS webhook (
  id              VARCHAR(64)   NOT NULL PRIMARY KEY,
  account_id      VARCHAR(64),
  url             VARCHAR(2048) NOT NULL,
  events          VARCHAR(255)  NOT NULL,
  secret          VARCHAR(255)  NOT NULL,
  old_secret      VARCHAR(255)  NOT NULL DEFAULT '',
  old_until       TIMESTAMP(6) NULL DEFAULT NULL,
  failing_since   TIMESTAMP(6) NULL DEFAULT NULL,
  disabled_at     TIMESTAMP(6) NULL DEFAULT NULL,
  disabled_reason VARCHAR(255)  NOT NULL DEFAULT '',
  failures        INTEGER       NOT NULL DEFAULT 0,
  retry_at        BIGINT        NOT NULL DEFAULT 0,
  created_at      TIMESTAMP(6)  NOT NULL,
  UNIQUE (account_id, id)
);

CREATE TABLE IF NOT EXISTS webhook_delivery (
  webhook_id  VARCHAR(64)  NOT NULL,
  message_id  VARCHAR(64)  NOT NULL,
  event       VARCHAR(64)  NOT NULL,
  body        TEXT         NOT NULL,
  state       VARCHAR(16)  NOT NULL,
  attempts    INTEGER      NOT NULL DEFAULT 0,
  not_before  BIGINT,
  status      INTEGER,
  error       VARCHAR(255) NOT NULL DEFAULT '',
  created_at  TIMESTAMP(6) NOT NULL,
  ended_at    TIMESTAMP(6) NULL DEFAULT NULL,
  PRIMARY KEY (webhook_id, message_id),
  UNIQUE (webhook_id, not_before, message_id),
  UNIQUE (created_at, webhook_id, message_id)
);
