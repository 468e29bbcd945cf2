-- Who made a project, a task, a piece of music; NULL, as the Go backend leaves it: nobody is known. Such a row belongs to every admin.
ALTER TABLE project ADD COLUMN owner_id VARCHAR(64);
ALTER TABLE task ADD COLUMN owner_id VARCHAR(64);
ALTER TABLE asset ADD COLUMN owner_id VARCHAR(64);
CREATE UNIQUE INDEX project_by_owner ON project (owner_id, created_at, seq, id);
CREATE UNIQUE INDEX task_by_owner ON task (owner_id, status, id);
