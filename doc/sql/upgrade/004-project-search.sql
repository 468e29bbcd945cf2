-- What the list of projects is searched for, without the stories. MySQL and MariaDB cannot hold a whole description in an index.
CREATE UNIQUE INDEX project_by_words ON project (created_at, seq, id, title, description /*! (1) */);
