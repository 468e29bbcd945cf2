-- What a project's tasks cost, as decimal text; NULL, as the Go backend leaves it: nobody said.
ALTER TABLE project ADD COLUMN cost VARCHAR(64);
