-- Run by hand before going back to the Go backend: it hands out what its columns hold, and expects complete links there, while this
-- server stores object keys and signs a link whenever a client reads. Set the address under which clients reach the bucket first, and
-- let the bucket be read without a signature (`mc anonymous set download ALIAS/BUCKET`).
-- Links that the Go backend stored are left as they are. Running this twice changes nothing more.

SET NAMES utf8mb4 COLLATE utf8mb4_bin;
SET @base = 'http://127.0.0.1:9000/storytovideo/';

UPDATE project SET cover_image = CONCAT(@base, cover_image) WHERE cover_image LIKE 'projects/%';
UPDATE project SET video_url = CONCAT(@base, video_url) WHERE video_url LIKE 'projects/%';
UPDATE shot SET image_path = CONCAT(@base, image_path) WHERE image_path LIKE 'projects/%';
UPDATE shot SET audio_path = CONCAT(@base, audio_path) WHERE audio_path LIKE 'projects/%';
UPDATE task
  SET result = JSON_SET(result, '$.resource_url', CONCAT(@base, JSON_UNQUOTE(JSON_EXTRACT(result, '$.resource_url'))))
  WHERE JSON_VALID(result) AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.resource_url')) LIKE 'projects/%';
UPDATE task
  SET result = JSON_SET(result, '$.task_video.path', CONCAT(@base, JSON_UNQUOTE(JSON_EXTRACT(result, '$.task_video.path'))))
  WHERE JSON_VALID(result) AND JSON_UNQUOTE(JSON_EXTRACT(result, '$.task_video.path')) LIKE 'projects/%';

-- What was deleted, and could have been had back for an hour, would be there again: it goes for good. Its objects are removed when this server
-- takes over again.
INSERT IGNORE INTO outbox (object_key, project_id, passes, not_before, attempts)
  SELECT asset.object_key, asset.project_id, 1, 0, 0 FROM asset JOIN deletion
    ON deletion.project_id = asset.project_id AND deletion.shot_id IN ('', asset.shot_id);
DELETE asset FROM asset JOIN deletion ON deletion.project_id = asset.project_id AND deletion.shot_id IN ('', asset.shot_id);
DELETE FROM shot WHERE id IN (SELECT shot_id FROM deletion);
DELETE FROM cast_member WHERE project_id IN (SELECT project_id FROM deletion WHERE shot_id = '');
DELETE FROM project WHERE id IN (SELECT project_id FROM deletion WHERE shot_id = '');
DELETE FROM deletion;
