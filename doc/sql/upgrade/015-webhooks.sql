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
