-- The tables as the Go backend makes them, with rows in every state. Times are local time in Asia/Shanghai.
-- What stands inside /*! */ is for MySQL and MariaDB only, inside /*M! */ for MariaDB.

/*! SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION' */;
/*M! SET SESSION check_constraint_checks = 0 */;

CREATE TABLE project (
  id varchar(64) NOT NULL,
  title varchar(255) NOT NULL,
  story_text text NOT NULL,
  style varchar(64) NOT NULL,
  status varchar(32) NOT NULL,
  cover_image varchar(512) DEFAULT NULL,
  duration int DEFAULT 0,
  video_url varchar(512) DEFAULT NULL,
  description text,
  shot_count int DEFAULT 0,
  created_at datetime NOT NULL,
  updated_at datetime NOT NULL,
  PRIMARY KEY (id)
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

CREATE TABLE shot (
  id varchar(64) NOT NULL,
  project_id varchar(64) NOT NULL,
  `order` int NOT NULL,
  title varchar(255) NOT NULL,
  description text,
  prompt text,
  status varchar(32) NOT NULL,
  image_path varchar(512) DEFAULT NULL,
  audio_path varchar(512) DEFAULT NULL,
  transition varchar(64) DEFAULT NULL,
  created_at datetime NOT NULL,
  updated_at datetime NOT NULL,
  PRIMARY KEY (id)
  /*! , KEY project_id (project_id) */,
  CONSTRAINT shot_ibfk_1 FOREIGN KEY (project_id) REFERENCES project (id) ON DELETE CASCADE
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

CREATE TABLE task (
  id varchar(64) NOT NULL,
  project_id varchar(64) NOT NULL,
  shot_id varchar(64) DEFAULT NULL,
  type varchar(32) NOT NULL,
  status varchar(32) NOT NULL,
  progress int DEFAULT 0,
  message text,
  parameters json DEFAULT NULL,
  result json DEFAULT NULL,
  error text,
  estimated_duration int DEFAULT 0,
  started_at datetime DEFAULT NULL,
  finished_at datetime DEFAULT NULL,
  created_at datetime NOT NULL,
  updated_at datetime NOT NULL,
  PRIMARY KEY (id)
  /*! , KEY project_id (project_id), KEY shot_id (shot_id) */,
  CONSTRAINT task_ibfk_1 FOREIGN KEY (project_id) REFERENCES project (id) ON DELETE CASCADE,
  CONSTRAINT task_ibfk_2 FOREIGN KEY (shot_id) REFERENCES shot (id) ON DELETE SET NULL
) /*! ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci */;

-- A project in each status.
INSERT INTO project (id, title, story_text, style, status, cover_image, duration, video_url, description, shot_count, created_at, updated_at) VALUES
  ('10000000-0000-4000-8000-000000000001', '刚创建 🌱', '从前有一座山。山里有一座庙。', 'movie', 'created', '', 0, '', '', 3, '2025-03-01 09:00:00', '2025-03-01 09:00:00'),
  ('10000000-0000-4000-8000-000000000002', 'Just storyboarded', 'Once upon a time. The end.', 'anime', 'text_generated', '', 0, '', 'two shots', 3, '2025-03-01 10:00:00', '2025-03-01 10:01:00'),
  ('10000000-0000-4000-8000-000000000003', '一半的图', '小猫出门了。小猫回家了。', 'movie', 'shots_generated', '', 0, '', '', 2, '2025-03-02 09:00:00', '2025-03-02 09:05:00'),
  ('10000000-0000-4000-8000-000000000004', '图都好了', '小狗出门了。', 'movie', 'images_generated', 'http://127.0.0.1:9000/storytovideo/shots/20000000-0000-4000-8000-000000000041/image.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=minioadmin%2F20250302%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20250302T010500Z&X-Amz-Expires=259200&X-Amz-SignedHeaders=host&X-Amz-Signature=00', 0, '', '', 1, '2025-03-03 09:00:00', '2025-03-03 09:05:00'),
  ('10000000-0000-4000-8000-000000000005', 'With a clip', 'A bird flew.', 'movie', 'video_generated', '/static/covers/5.png', 12, '/static/videos/5.mp4', '', 1, '2025-03-04 09:00:00', '2025-03-04 09:05:00'),
  ('10000000-0000-4000-8000-000000000006', '有声音', '风吹过。', 'movie', 'audio_generated', '', 0, '', '', 1, '2025-03-05 09:00:00', '2025-03-05 09:05:00'),
  ('10000000-0000-4000-8000-000000000007', 'Ready 🎬👩‍👩‍👧', 'The whole film.', 'movie', 'ready', '/static/covers/7.png', 30, 'http://127.0.0.1:9000/storytovideo/projects/7/film.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=259200&X-Amz-Signature=00', '', 1, '2025-03-06 09:00:00', '2025-03-06 09:05:00'),
  ('10000000-0000-4000-8000-000000000008', '失败了', '没有结果。', 'movie', 'failed', NULL, NULL, NULL, NULL, NULL, '2025-03-07 09:00:00', '2025-03-07 09:05:00');

INSERT INTO shot (id, project_id, `order`, title, description, prompt, status, image_path, audio_path, transition, created_at, updated_at) VALUES
  ('20000000-0000-4000-8000-000000000021', '10000000-0000-4000-8000-000000000002', 1, 'One', 'Once upon a time.', 'a castle', 'pending', '', '', '', '2025-03-01 10:01:00', '2025-03-01 10:01:00'),
  ('20000000-0000-4000-8000-000000000022', '10000000-0000-4000-8000-000000000002', 2, 'Two', 'The end.', 'a sunset', 'pending', '', '', '', '2025-03-01 10:01:00', '2025-03-01 10:01:00'),
  ('20000000-0000-4000-8000-000000000031', '10000000-0000-4000-8000-000000000003', 1, '出门 🐱', '小猫出门了。', 'a cat leaving', 'completed', 'http://127.0.0.1:9000/storytovideo/shots/20000000-0000-4000-8000-000000000031/image.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=259200&X-Amz-Signature=00', '', 'fade', '2025-03-02 09:01:00', '2025-03-02 09:03:00'),
  ('20000000-0000-4000-8000-000000000032', '10000000-0000-4000-8000-000000000003', 2, '回家', NULL, NULL, 'processing', NULL, NULL, NULL, '2025-03-02 09:01:00', '2025-03-02 09:03:00'),
  ('20000000-0000-4000-8000-000000000041', '10000000-0000-4000-8000-000000000004', 1, '出门', '小狗出门了。', 'a dog', 'completed', 'http://127.0.0.1:9000/storytovideo/shots/20000000-0000-4000-8000-000000000041/image.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=259200&X-Amz-Signature=00', '', '', '2025-03-03 09:01:00', '2025-03-03 09:03:00'),
  ('20000000-0000-4000-8000-000000000051', '10000000-0000-4000-8000-000000000005', 1, 'Bird', 'A bird flew.', 'a bird', 'completed', '/static/images/5-1.png', '', '', '2025-03-04 09:01:00', '2025-03-04 09:03:00'),
  ('20000000-0000-4000-8000-000000000061', '10000000-0000-4000-8000-000000000006', 1, '风', '风吹过。', 'wind', 'completed', '/static/images/6-1.png', '/static/audio/6-1.mp3', '', '2025-03-05 09:01:00', '2025-03-05 09:03:00'),
  ('20000000-0000-4000-8000-000000000071', '10000000-0000-4000-8000-000000000007', 1, 'All', 'The whole film.', 'everything', 'completed', '/static/images/7-1.png', '/static/audio/7-1.mp3', 'crossfade', '2025-03-06 09:01:00', '2025-03-06 09:03:00'),
  ('20000000-0000-4000-8000-000000000081', '10000000-0000-4000-8000-000000000008', 1, '无', '没有结果。', 'nothing', 'failed', '', '', '', '2025-03-07 09:01:00', '2025-03-07 09:03:00');

-- The storyboard runs under its job, its pictures wait for it.
INSERT INTO task (id, project_id, shot_id, type, status, progress, message, parameters, result, error, estimated_duration, started_at, finished_at, created_at, updated_at) VALUES
  ('30000000-0000-4000-8000-000000000011', '10000000-0000-4000-8000-000000000001', NULL, 'generate_storyboard', 'processing', 0, '任务处理中', '{"shot_defaults":{"shot_count":3,"style":"movie","storyText":"从前有一座山。山里有一座庙。"},"shot":{"transition":"","shotId":"","image_width":"","image_height":"","prompt":"","style":"","image_llm":"","generate_tts":false},"video":{"resolution":"","fps":0,"format":"","bitrate":0},"tts":{"voice":"","lang":"","sample_rate":0,"format":""}}', '{"resource_type":"","resource_id":"job-storyboard-1","resource_url":""}', '', 0, NULL, NULL, '2025-03-01 09:00:00', '2025-03-01 09:00:05'),
  ('30000000-0000-4000-8000-000000000012', '10000000-0000-4000-8000-000000000001', NULL, 'generate_shot', 'blocked', 0, '等待分镜生成', '{"shot":{"transition":"","shotId":"","image_width":"1024","image_height":"1024","prompt":"","style":"movie","image_llm":"","generate_tts":false},"depends_on":["30000000-0000-4000-8000-000000000011"]}', '{"resource_type":"","resource_id":"","resource_url":""}', '', 0, NULL, NULL, '2025-03-01 09:00:00', '2025-03-01 09:00:00'),
  ('30000000-0000-4000-8000-000000000013', '10000000-0000-4000-8000-000000000001', NULL, 'generate_shot', 'blocked', 0, '等待分镜生成', '{"shot":{"transition":"","shotId":"","image_width":"1024","image_height":"1024","prompt":"","style":"movie","image_llm":"","generate_tts":false},"depends_on":["30000000-0000-4000-8000-000000000011"]}', NULL, NULL, NULL, NULL, NULL, '2025-03-01 09:00:00', '2025-03-01 09:00:00'),
  ('30000000-0000-4000-8000-000000000014', '10000000-0000-4000-8000-000000000001', NULL, 'generate_shot', 'blocked', 0, '等待分镜生成', '{"shot":{"transition":"","shotId":"","image_width":"1024","image_height":"1024","prompt":"","style":"movie","image_llm":"","generate_tts":false},"depends_on":["30000000-0000-4000-8000-000000000011"]}', '{"resource_type":"","resource_id":"","resource_url":""}', '', 0, NULL, NULL, '2025-03-01 09:00:00', '2025-03-01 09:00:00');

-- Pictures: waiting in the queue, sent but without a job yet, under a job, finished without times, failed, cancelled, made anew.
INSERT INTO task (id, project_id, shot_id, type, status, progress, message, parameters, result, error, estimated_duration, started_at, finished_at, created_at, updated_at) VALUES
  ('30000000-0000-4000-8000-000000000021', '10000000-0000-4000-8000-000000000002', NULL, 'generate_storyboard', 'finished', 0, '任务完成', '{"shot_defaults":{"shot_count":2,"style":"anime","storyText":"Once upon a time. The end."}}', '{"resource_type":"storyboard","resource_id":"job-storyboard-2","resource_url":"/files/storyboards/2.json"}', '', 0, NULL, NULL, '2025-03-01 10:00:00', '2025-03-01 10:01:00'),
  ('30000000-0000-4000-8000-000000000022', '10000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000021', 'generate_shot', 'pending', 0, '', '{"shot":{"shotId":"20000000-0000-4000-8000-000000000021","image_width":"1024","image_height":"1024","prompt":"a castle","style":"anime"},"depends_on":["30000000-0000-4000-8000-000000000021"]}', '{"resource_type":"","resource_id":"","resource_url":""}', '', 0, NULL, NULL, '2025-03-01 10:00:00', '2025-03-01 10:01:00'),
  ('30000000-0000-4000-8000-000000000023', '10000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000022', 'generate_shot', 'processing', 0, '', '{"shot":{"shotId":"20000000-0000-4000-8000-000000000022","image_width":"1024","image_height":"1024","prompt":"a sunset","style":"anime"},"depends_on":["30000000-0000-4000-8000-000000000021"]}', '{"resource_type":"","resource_id":"","resource_url":""}', '', 0, NULL, NULL, '2025-03-01 10:00:00', '2025-03-01 10:01:00'),
  ('30000000-0000-4000-8000-000000000031', '10000000-0000-4000-8000-000000000003', '20000000-0000-4000-8000-000000000031', 'generate_shot', 'finished', 0, '任务完成', '{"shot":{"shotId":"20000000-0000-4000-8000-000000000031","image_width":"1024","image_height":"1024","prompt":"a cat leaving","style":"movie"},"depends_on":[]}', '{"resource_type":"image","resource_id":"job-image-31","resource_url":"http://127.0.0.1:9000/storytovideo/shots/20000000-0000-4000-8000-000000000031/image.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=259200&X-Amz-Signature=00"}', '', 0, NULL, NULL, '2025-03-02 09:00:00', '2025-03-02 09:03:00'),
  ('30000000-0000-4000-8000-000000000032', '10000000-0000-4000-8000-000000000003', NULL, 'generate_shot', 'processing', 0, '', '{"shot":{"shotId":"20000000-0000-4000-8000-000000000032","image_width":"1024","image_height":"1024","prompt":"made anew 🐱","style":"movie"}}', '{"resource_type":"","resource_id":"job-image-32","resource_url":""}', '', 0, NULL, NULL, '2025-03-02 09:04:00', '2025-03-02 09:04:10'),
  ('30000000-0000-4000-8000-000000000041', '10000000-0000-4000-8000-000000000004', NULL, 'generate_shot', 'cancelled', 0, 'cancelled due to shot update', '{"shot":{"shotId":"20000000-0000-4000-8000-000000000041","prompt":"a dog"}}', '{"resource_type":"","resource_id":"job-image-41","resource_url":""}', '', 0, NULL, NULL, '2025-03-03 09:04:00', '2025-03-03 09:04:10'),
  ('30000000-0000-4000-8000-000000000042', '10000000-0000-4000-8000-000000000004', NULL, 'generate_shot', 'failed', 0, '', '{"shot":{"shotId":"20000000-0000-4000-8000-999999999999","prompt":"of a shot that was deleted"}}', '{"resource_type":"","resource_id":"","resource_url":""}', 'worker returned 500 💥', 0, NULL, NULL, '2025-03-03 09:05:00', '2025-03-03 09:05:10'),
  ('30000000-0000-4000-8000-000000000051', '10000000-0000-4000-8000-000000000005', NULL, 'generate_video', 'failed', 0, '', '{"video":{"resolution":"1280x720","fps":24,"format":"mp4","bitrate":0}}', 'null', 'missing shot id', 0, NULL, NULL, '2025-03-04 09:10:00', '2025-03-04 09:10:01'),
  ('30000000-0000-4000-8000-000000000061', '10000000-0000-4000-8000-000000000006', NULL, 'generate_audio', 'failed', 0, NULL, NULL, NULL, 'missing shot id', NULL, NULL, NULL, '2025-03-05 09:10:00', '2025-03-05 09:10:01'),
  ('30000000-0000-4000-8000-000000000081', '10000000-0000-4000-8000-000000000008', NULL, 'generate_storyboard', 'failed', 0, '', '{}', '{}', 'worker timeout', 0, NULL, NULL, '2025-03-07 09:00:00', '2025-03-07 09:20:00');

-- Zero times, as the Go driver writes a time that was never set; year 1, as its JSON has it.
/*! INSERT INTO task (id, project_id, shot_id, type, status, progress, message, parameters, result, error, estimated_duration, started_at, finished_at, created_at, updated_at) VALUES
  ('30000000-0000-4000-8000-000000000071', '10000000-0000-4000-8000-000000000007', '20000000-0000-4000-8000-000000000071', 'generate_shot', 'finished', 0, '', '{}', '{}', '', 0, '0000-00-00 00:00:00', '0000-00-00 00:00:00', '2025-03-06 09:00:00', '2025-03-06 09:00:10'),
  ('30000000-0000-4000-8000-000000000072', '10000000-0000-4000-8000-000000000007', '20000000-0000-4000-8000-000000000071', 'generate_shot', 'pending', 0, '', '{}', '{}', '', 0, '0001-01-01 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00') */;

-- Broken JSON, from before the server checked it.
/*M! INSERT INTO task (id, project_id, shot_id, type, status, progress, message, parameters, result, error, estimated_duration, started_at, finished_at, created_at, updated_at) VALUES
  ('30000000-0000-4000-8000-000000000073', '10000000-0000-4000-8000-000000000007', NULL, 'generate_shot', 'finished', 0, '', '{"shot":', '', '', 0, NULL, NULL, '2025-03-06 09:00:00', '2025-03-06 09:00:10') */;
