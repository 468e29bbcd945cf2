-- Whether a shot's picture stands still, and the shape of a project's pictures; NULL, as the Go backend leaves them: what nobody chose.
ALTER TABLE shot ADD COLUMN motion VARCHAR(8);
ALTER TABLE project ADD COLUMN aspect VARCHAR(8);
