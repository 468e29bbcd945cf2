-- A project's open tasks, and its latest storyboard, are found without reading all that it ever did.
CREATE UNIQUE INDEX task_by_project_status ON task (project_id, status, id);
CREATE UNIQUE INDEX task_by_project_type ON task (project_id, type, created_at, seq, id);
