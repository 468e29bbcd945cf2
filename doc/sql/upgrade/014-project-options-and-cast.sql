-- What a project's later tasks and films follow, and more of its cast: a name of its own for each row, a voice, a picture to paint it by, and
-- when a person changed it last. NULL, as the Go backend and older versions leave it: nothing was chosen.
ALTER TABLE project ADD COLUMN options JSON;
ALTER TABLE cast_member ADD COLUMN id VARCHAR(64);
ALTER TABLE cast_member ADD COLUMN voice VARCHAR(64);
ALTER TABLE cast_member ADD COLUMN reference VARCHAR(1024);
ALTER TABLE cast_member ADD COLUMN updated_at DATETIME(6) NULL DEFAULT NULL;
