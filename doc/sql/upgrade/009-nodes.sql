-- Which model node has a task's job: its address; NULL, as the Go backend and earlier versions leave it: the first of those configured.
ALTER TABLE task ADD COLUMN node VARCHAR(255);

-- Jobs that were left on a node that was away, to be deleted there once it is back.
CREATE TABLE IF NOT EXISTS stray_job (
  task_id       VARCHAR(64)  NOT NULL,
  node          VARCHAR(255) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  job_id        VARCHAR(128) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  passes        INT          NOT NULL,
  not_before    BIGINT       NOT NULL,
  PRIMARY KEY (task_id, node, job_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;
