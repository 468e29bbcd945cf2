-- The tables, for SQLite, MariaDB and MySQL alike. Runs at every start and changes nothing that is there; tables of an older shape are
-- brought up to this one by the numbered files in upgrade/.
-- What stands inside /*! */ is read by MySQL and MariaDB only. Each UNIQUE that holds an id already unique by itself is there for its
-- index: the three databases share no other way to write one inside CREATE TABLE.

-- What this server knows of its tables: `version` is the number of the last upgrade, `zone` the time zone of all DATETIME columns.
CREATE TABLE IF NOT EXISTS schema_info (
  name          VARCHAR(64)  NOT NULL PRIMARY KEY,
  value         VARCHAR(255) NOT NULL
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- owner_id, here and below, is the account that made a row; NULL where nobody was known: the Go backend's rows, and those of a server that
-- lets everybody in.
-- seq orders what was made within one second. The last index holds what a search of the list looks at: without it SQLite goes through
-- every page of every story. MySQL and MariaDB keep long stories elsewhere, and cannot hold a whole description in an index.
CREATE TABLE IF NOT EXISTS project (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  title         VARCHAR(255) NOT NULL,
  story_text    MEDIUMTEXT   NOT NULL,
  style         VARCHAR(64)  NOT NULL,
  status        VARCHAR(32)  NOT NULL,
  cover_image   VARCHAR(1024),
  duration      INT DEFAULT 0,
  video_url     VARCHAR(1024),
  description   MEDIUMTEXT,
  shot_count    INT DEFAULT 0,
  created_at    DATETIME(6)  NOT NULL,
  updated_at    DATETIME(6)  NOT NULL,
  bgm           VARCHAR(255),
  seq           BIGINT NOT NULL DEFAULT 0,
  aspect        VARCHAR(8),
  telling       VARCHAR(16),
  cost          VARCHAR(64),
  owner_id      VARCHAR(64),
  options       JSON,
  UNIQUE (created_at, seq, id),
  UNIQUE (owner_id, created_at, seq, id),
  UNIQUE (created_at, seq, id, title, description /*! (1) */)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

CREATE TABLE IF NOT EXISTS shot (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  `order`       INT          NOT NULL,
  title         VARCHAR(255) NOT NULL,
  description   MEDIUMTEXT,
  prompt        MEDIUMTEXT,
  status        VARCHAR(32)  NOT NULL,
  image_path    VARCHAR(1024),
  audio_path    VARCHAR(1024),
  transition    VARCHAR(64),
  created_at    DATETIME(6)  NOT NULL,
  updated_at    DATETIME(6)  NOT NULL,
  narration     MEDIUMTEXT,
  video_path    VARCHAR(1024),
  duration      INT DEFAULT 0,
  motion        VARCHAR(8),
  UNIQUE (project_id, `order`, id),
  FOREIGN KEY (project_id) REFERENCES project (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- parent_id is the task whose progress this one is part of, node the address of the model node that has its job.
-- lease_until and not_before are milliseconds since 1970 in UTC, by the database's clock: leases must depend neither on anybody's time zone
-- nor on whose clock is right.
CREATE TABLE IF NOT EXISTS task (
  id                 VARCHAR(64) NOT NULL PRIMARY KEY,
  project_id         VARCHAR(64) NOT NULL,
  shot_id            VARCHAR(64),
  type               VARCHAR(32) NOT NULL,
  status             VARCHAR(32) NOT NULL,
  progress           INT DEFAULT 0,
  message            MEDIUMTEXT,
  parameters         JSON,
  result             JSON,
  error              MEDIUMTEXT,
  estimated_duration INT DEFAULT 0,
  started_at         DATETIME(6) NULL DEFAULT NULL,
  finished_at        DATETIME(6) NULL DEFAULT NULL,
  created_at         DATETIME(6) NOT NULL,
  updated_at         DATETIME(6) NOT NULL,
  seq                BIGINT NOT NULL DEFAULT 0,
  parent_id          VARCHAR(64),
  lease_owner        VARCHAR(64),
  lease_until        BIGINT NOT NULL DEFAULT 0,
  not_before         BIGINT NOT NULL DEFAULT 0,
  attempts           INT NOT NULL DEFAULT 0,
  request_id         VARCHAR(64),
  crashes            INT NOT NULL DEFAULT 0,
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
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Every object that we stored. number counts versions of a kind within its shot or project; the row is made before the upload, so
-- that no two uploads ever share a name, and stored_at is set in the commit that makes the object count.
CREATE TABLE IF NOT EXISTS asset (
  object_key    VARCHAR(255) NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  shot_id       VARCHAR(64)  NOT NULL,
  task_id       VARCHAR(64)  NOT NULL,
  kind          VARCHAR(16)  NOT NULL,
  number        INT          NOT NULL,
  title         VARCHAR(255) NOT NULL,
  sha256        VARCHAR(64)  NOT NULL,
  size          BIGINT       NOT NULL,
  content_type  VARCHAR(128) NOT NULL,
  details       JSON,
  created_at    DATETIME(6)  NOT NULL,
  stored_at     DATETIME(6)  NULL DEFAULT NULL,
  owner_id      VARCHAR(64),
  UNIQUE (project_id, kind, shot_id, number)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Who appears in a project's story, as the storyboard drew them and people changed them; position counts from 1, and is a row's name where it
-- has no id. reference is the key of a picture of them. Without a foreign key, as all tables that the Go
-- backend does not know: a dump of its tables, put back, drops project.
CREATE TABLE IF NOT EXISTS cast_member (
  project_id    VARCHAR(64)  NOT NULL,
  position      INT          NOT NULL,
  name          VARCHAR(255) NOT NULL,
  look_zh       MEDIUMTEXT,
  look_en       MEDIUMTEXT,
  id            VARCHAR(64),
  voice         VARCHAR(64),
  reference     VARCHAR(1024),
  updated_at    DATETIME(6)  NULL DEFAULT NULL,
  PRIMARY KEY (project_id, position)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Objects to be removed from storage, written with what takes their rows; and those being uploaded, which are removed unless their upload
-- is committed in time. passes is how often an object is still to be removed, 0 while it is uploaded; not_before is in milliseconds since
-- 1970 in UTC. Keys differ by case.
CREATE TABLE IF NOT EXISTS outbox (
  object_key    VARCHAR(255) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  passes        INT          NOT NULL,
  not_before    BIGINT       NOT NULL,
  attempts      INT          NOT NULL,
  UNIQUE (not_before, object_key),
  UNIQUE (project_id, object_key)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- What was deleted and can still be had back until until_ms (milliseconds since 1970 in UTC): a shot, or a whole project, whose shot_id is ''.
-- The rows themselves stay as they are, and are left out of all that anybody is shown. Columns of project and shot would be in the way of the
-- index by which projects are searched. The ids are compared with columns of whatever collation the Go backend's tables have: that takes _bin.
CREATE TABLE IF NOT EXISTS deletion (
  project_id    VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  shot_id       VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  until_ms      BIGINT       NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- What a split or a merge of shots has changed, as long as it can be undone: until until_ms (milliseconds since 1970 in UTC). A shot has one
-- row, of its last.
CREATE TABLE IF NOT EXISTS shot_undo (
  project_id    VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  shot_id       VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  until_ms      BIGINT       NOT NULL,
  edit          JSON         NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Jobs that were left on a model node that was away, and are another's now: to be deleted there once it is back, passes times. not_before is
-- in milliseconds since 1970 in UTC. Nodes' own words differ by case.
CREATE TABLE IF NOT EXISTS stray_job (
  task_id       VARCHAR(64)  NOT NULL,
  node          VARCHAR(255) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  job_id        VARCHAR(128) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  passes        INT          NOT NULL,
  not_before    BIGINT       NOT NULL,
  PRIMARY KEY (task_id, node, job_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Who may come in. password_hash is argon2's; role is user or admin; stories and films were begun on the day quota_day (days since 1970, UTC).
CREATE TABLE IF NOT EXISTS account (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  name          VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  role          VARCHAR(16)  NOT NULL,
  created_at    DATETIME(6)  NOT NULL,
  disabled_at   DATETIME(6)  NULL DEFAULT NULL,
  quota_day     INT NOT NULL DEFAULT 0,
  stories       INT NOT NULL DEFAULT 0,
  films         INT NOT NULL DEFAULT 0,
  UNIQUE (name)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- A login: its refresh tokens are one family, of which refresh_id (the token's jti) alone still counts.
CREATE TABLE IF NOT EXISTS login_session (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  account_id    VARCHAR(64)  NOT NULL,
  refresh_id    VARCHAR(64)  NOT NULL,
  created_at    DATETIME(6)  NOT NULL,
  expires_at    DATETIME(6)  NOT NULL,
  revoked_at    DATETIME(6)  NULL DEFAULT NULL,
  UNIQUE (account_id, id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Keys for programs. secret_hash is the SHA-256 of the key, which is random and stored nowhere; scope is read, write, admin or legacy.
CREATE TABLE IF NOT EXISTS api_key (
  id            VARCHAR(64)  NOT NULL PRIMARY KEY,
  account_id    VARCHAR(64)  NOT NULL,
  name          VARCHAR(64)  NOT NULL,
  secret_hash   VARCHAR(64)  NOT NULL,
  scope         VARCHAR(16)  NOT NULL,
  created_at    DATETIME(6)  NOT NULL,
  expires_at    DATETIME(6)  NULL DEFAULT NULL,
  last_used_at  DATETIME(6)  NULL DEFAULT NULL,
  revoked_at    DATETIME(6)  NULL DEFAULT NULL,
  UNIQUE (secret_hash),
  UNIQUE (account_id, id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- What a request with an Idempotency-Key made, written in the same commit; result is what its use case returned. Rows go after a day.
CREATE TABLE IF NOT EXISTS idempotency (
  owner         VARCHAR(64)  NOT NULL,
  route         VARCHAR(64)  NOT NULL,
  request_key   VARCHAR(255) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  body_hash     VARCHAR(64)  NOT NULL,
  result        JSON,
  created_at    DATETIME(6)  NOT NULL,
  PRIMARY KEY (owner, route, request_key),
  UNIQUE (created_at, owner, route, request_key)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- Who wants to be told of what ended, and what is to be told, written in the commit that ends it. retry_at and not_before are milliseconds
-- since 1970 by the database's clock; not_before is NULL where nothing more is tried.
CREATE TABLE IF NOT EXISTS webhook (
  id              VARCHAR(64)   NOT NULL PRIMARY KEY,
  account_id      VARCHAR(64),
  url             VARCHAR(2048) NOT NULL,
  events          VARCHAR(255)  NOT NULL,
  secret          VARCHAR(255)  NOT NULL,
  old_secret      VARCHAR(255)  NOT NULL DEFAULT '',
  old_until       DATETIME(6) NULL DEFAULT NULL,
  failing_since   DATETIME(6) NULL DEFAULT NULL,
  disabled_at     DATETIME(6) NULL DEFAULT NULL,
  disabled_reason VARCHAR(255)  NOT NULL DEFAULT '',
  failures        INT           NOT NULL DEFAULT 0,
  retry_at        BIGINT        NOT NULL DEFAULT 0,
  created_at      DATETIME(6)   NOT NULL,
  UNIQUE (account_id, id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

CREATE TABLE IF NOT EXISTS webhook_delivery (
  webhook_id  VARCHAR(64)  NOT NULL,
  message_id  VARCHAR(64)  NOT NULL,
  event       VARCHAR(64)  NOT NULL,
  body        MEDIUMTEXT   NOT NULL,
  state       VARCHAR(16)  NOT NULL,
  attempts    INT          NOT NULL DEFAULT 0,
  not_before  BIGINT,
  status      INT,
  error       VARCHAR(255) NOT NULL DEFAULT '',
  created_at  DATETIME(6)  NOT NULL,
  ended_at    DATETIME(6) NULL DEFAULT NULL,
  PRIMARY KEY (webhook_id, message_id),
  UNIQUE (webhook_id, not_before, message_id),
  UNIQUE (created_at, webhook_id, message_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;
