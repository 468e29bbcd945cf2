-- Objects to be removed from storage. What earlier versions could not remove, or left of uploads that were never committed, is the first:
-- deleted music, and what was uploaded for tasks that have ended. No server uploads any of it any more.
CREATE TABLE IF NOT EXISTS outbox (
  object_key    VARCHAR(255) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL PRIMARY KEY,
  project_id    VARCHAR(64)  NOT NULL,
  passes        INT          NOT NULL,
  not_before    BIGINT       NOT NULL,
  attempts      INT          NOT NULL,
  UNIQUE (not_before, object_key),
  UNIQUE (project_id, object_key)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

INSERT INTO outbox (object_key, project_id, passes, not_before, attempts)
  SELECT asset.object_key, asset.project_id, 2, 0, 0 FROM asset
  WHERE asset.stored_at IS NULL
    AND (asset.size > 0 OR asset.task_id /*! COLLATE utf8mb4_bin */ IN
      (SELECT task.id FROM task WHERE task.status IN ('finished', 'failed', 'cancelled')))
    AND asset.object_key NOT IN (SELECT done.object_key FROM outbox AS done);
