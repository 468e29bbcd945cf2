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
