-- What was deleted and can still be had back; see StoryToVideo.sql. A version of an image, a narration or a clip, and what a film was made of,
-- need no column: asset has a row for each, and details say the rest. Versions from before have what their tasks say.
CREATE TABLE IF NOT EXISTS deletion (
  project_id    VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  shot_id       VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  until_ms      BIGINT       NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;
