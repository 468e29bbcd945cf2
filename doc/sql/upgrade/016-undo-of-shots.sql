-- What a split or a merge of shots has changed; see StoryToVideo.sql.
CREATE TABLE IF NOT EXISTS shot_undo (
  project_id    VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  shot_id       VARCHAR(64) /*! CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */ NOT NULL,
  until_ms      BIGINT       NOT NULL,
  edit          JSON         NOT NULL,
  PRIMARY KEY (project_id, shot_id),
  UNIQUE (until_ms, project_id, shot_id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;
