-- Who tells a project's story: "verbatim", its own sentences, or "told", a model's; NULL, as the Go backend leaves it: what nobody chose.
ALTER TABLE project ADD COLUMN telling VARCHAR(16);
