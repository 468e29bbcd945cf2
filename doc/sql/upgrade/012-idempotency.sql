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
