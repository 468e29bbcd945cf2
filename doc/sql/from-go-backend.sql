-- Run by hand when this server takes over again after to-go-backend.sql was run: turns those links into object keys once more, so that they
-- are signed when they are read and the bucket can be closed again. Set the address that was set there.
-- Links that the Go backend stored, which are presigned and so hold a question mark, are left as they are. Running this twice changes nothing more.

-- As bytes: on MySQL 8 the address has another collation than the columns, and the two could not be compared.
SET NAMES utf8mb4 COLLATE utf8mb4_bin;
SET @base = 'http://127.0.0.1:9000/storytovideo/';

UPDATE project SET cover_image = SUBSTRING(cover_image, CHAR_LENGTH(@base) + 1) WHERE cover_image LIKE CONCAT(@base, 'projects/%') AND cover_image NOT LIKE '%?%';
UPDATE project SET video_url = SUBSTRING(video_url, CHAR_LENGTH(@base) + 1) WHERE video_url LIKE CONCAT(@base, 'projects/%') AND video_url NOT LIKE '%?%';
UPDATE shot SET image_path = SUBSTRING(image_path, CHAR_LENGTH(@base) + 1) WHERE image_path LIKE CONCAT(@base, 'projects/%') AND image_path NOT LIKE '%?%';
UPDATE shot SET audio_path = SUBSTRING(audio_path, CHAR_LENGTH(@base) + 1) WHERE audio_path LIKE CONCAT(@base, 'projects/%') AND audio_path NOT LIKE '%?%';
UPDATE task
  SET result = JSON_SET(result, '$.resource_url', SUBSTRING(JSON_UNQUOTE(JSON_EXTRACT(result, '$.resource_url')), CHAR_LENGTH(@base) + 1))
  WHERE JSON_VALID(result) AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.resource_url')) LIKE CONCAT(@base, 'projects/%')
    AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.resource_url')) NOT LIKE '%?%';
UPDATE task
  SET result = JSON_SET(result, '$.task_video.path', SUBSTRING(JSON_UNQUOTE(JSON_EXTRACT(result, '$.task_video.path')), CHAR_LENGTH(@base) + 1))
  WHERE JSON_VALID(result) AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.task_video.path')) LIKE CONCAT(@base, 'projects/%')
    AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.task_video.path')) NOT LIKE '%?%';
