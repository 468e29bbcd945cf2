-- How many processors died while they held the task: one that kills every processor is given up.
ALTER TABLE task ADD COLUMN crashes INT NOT NULL DEFAULT 0;
