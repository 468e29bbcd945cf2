-- From the Go backend's tables to those of StoryToVideo.sql. No row and no value that is there is changed, but for task.shot_id, which
-- is filled in where the Go backend left it empty. Its INSERTs name their columns: a new column has a default or may be NULL.
-- A statement that was run before does no harm: one that finds its column or index already there is passed over.
-- Times stay DATETIME without a fraction: the Go backend would hand a fraction on to clients that cannot read one.

-- A row with broken JSON must not stop the others; what it holds reads as empty.
/*M! SET SESSION check_constraint_checks = 0 */;

/*! ALTER TABLE project
  MODIFY story_text  MEDIUMTEXT NOT NULL,
  MODIFY cover_image VARCHAR(1024) DEFAULT NULL,
  MODIFY video_url   VARCHAR(1024) DEFAULT NULL,
  MODIFY description MEDIUMTEXT */;
ALTER TABLE project ADD COLUMN bgm VARCHAR(255);
ALTER TABLE project ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX project_by_age ON project (created_at, seq, id);

/*! ALTER TABLE shot
  MODIFY description MEDIUMTEXT,
  MODIFY prompt      MEDIUMTEXT,
  MODIFY image_path  VARCHAR(1024) DEFAULT NULL,
  MODIFY audio_path  VARCHAR(1024) DEFAULT NULL */;
ALTER TABLE shot ADD COLUMN narration MEDIUMTEXT;
ALTER TABLE shot ADD COLUMN video_path VARCHAR(1024);
ALTER TABLE shot ADD COLUMN duration INT DEFAULT 0;
CREATE UNIQUE INDEX shot_by_order ON shot (project_id, `order`, id);

/*! ALTER TABLE task
  MODIFY message MEDIUMTEXT,
  MODIFY error   MEDIUMTEXT */;
ALTER TABLE task ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN parent_id VARCHAR(64);
ALTER TABLE task ADD COLUMN lease_owner VARCHAR(64);
ALTER TABLE task ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN attempts INT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN request_id VARCHAR(64);
CREATE UNIQUE INDEX task_by_age ON task (project_id, created_at, seq, id);
CREATE UNIQUE INDEX task_by_status ON task (status, id);
CREATE UNIQUE INDEX task_by_shot ON task (shot_id, id);
CREATE UNIQUE INDEX task_by_parent ON task (parent_id, id);

-- The Go backend names the shot of a picture made anew only inside the parameters.
/*! UPDATE task JOIN shot
  ON shot.id = CASE WHEN JSON_VALID(task.parameters) THEN JSON_UNQUOTE(JSON_EXTRACT(task.parameters, '$.shot.shotId')) END
  AND shot.project_id = task.project_id
  SET task.shot_id = shot.id
  WHERE task.shot_id IS NULL AND task.type = 'generate_shot' */;
