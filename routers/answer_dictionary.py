"""What answers say again and again, for zlib's dictionary (RFC 1950): with it a task's answer takes less than two thirds of what it would.

It is the answers' own JSON with nothing in it, its fields in their order; what is asked for most often stands last, where it is nearest.
Links are those of the local store, and of MinIO and other stores that sign by AWS4-HMAC-SHA256.
"""

from __future__ import annotations

_TIMES = '"createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"'
# A token's parts that are always the same: {"alg":"HS256","typ":"JWT"}, {"sub":"projects/, /shots/, /image-1.png","aud":"assets","exp":1
_LOCAL = "?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwcm9qZWN0cy8=Qvc2hvdHMv=L2{}IiwiYXVkIjoiYXNzZXRzIiwiZXhwIjox"
_OF_IMAGE, _OF_SOUND = _LOCAL.format("ltYWdlLTEucG5n"), _LOCAL.format("F1ZGlvLTEubXAz")
_SIGNED = (
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature="
)
_PROJECT = (
    '{"project_detail":{"id":"","title":"","storyText":"","style":"","status":"generating","status":"failed","status":"ready","coverImage":"",'
    f'"duration":0,"videoUrl":"","description":"","shotCount":6,{_TIMES},"aspect":"9:16","aspect":"16:9","telling":"","cost":"","story_text":"",'
    '"shot_count":6,"cover_image":"","video_url":"","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"},"shots":['
)
_REST = (
    '}],"project_id":"","total_shots":6,"recent_task":null,"options":{"title":"","aspect":"","telling":"","language":"","voice":"","music":"","seed":null,'
    '"subtitle_style":{"size":1.0,"colour":"#FFFFFF","outline":1.0,"karaoke":false,"position":"bottom"}},"film":null}'
)
_FILM = (
    '"film":{"id":"projects/","projectId":"","taskId":"","number":1,"title":"","url":"http:///films/1.mp4","cover":"http:///films/1.jpg",'
    '"subtitles":{"srt":"http:///films/1.srt","ass":"http:///films/1.ass"},"downloads":{"mp4":"","srt":"","ass":""},"log":"http:///films/1.log.json",'
    '"size":0,"sha256":"","contentType":"video/mp4","duration":0,"resolution":"1920x1080","fps":30,"mode":"final","music":"","warnings":[],'
    '"parameters":{"seed":null,"steps":null,"cfg_scale":null,"negative_prompt":"","model":"","resolution":"","fps":null,"format":"mp4",'
    '"rate_control":"","bitrate":null,"mode":"final","first_seconds":null,"subtitles":"","narration":"auto","music":"","music_level":-14.0,'
    '"transition":"","transition_seconds":0.5,"fit":"crop","motion":"auto","intro":0.0,"outro":0.5,"encoder":"x264","export":"cloud",'
    f'"strict":false,"shot_id":"","duration":null}},{_TIMES},"stale":false,"stale_shots":[]}}'
)
_SHOT = (
    '},{"id":"","projectId":"","order":1,"title":"","description":"","prompt":"","status":"pending","status":"completed","imagePath":"http://'
    f'/assets/projects/image-1.png{_OF_IMAGE}","audioPath":"http:///audio-1.mp3{_OF_SOUND}","transition":"",{_TIMES},"narration":"",'
    '"videoPath":"","duration":0,"motion":"","cast":[]'
)
_TASK = (
    '{"task":{"id":"","projectId":"","type":"create_project","type":"generate_storyboard","type":"generate_video","type":"generate_audio",'
    '"type":"generate_shot","status":"blocked","status":"pending","status":"processing","status":"failed","status":"cancelled","status":"finished",'
    '"progress":100,"message":"完成","parameters":{"shot_defaults":{},"video":{},"tts":{"voice":"","lang":"","sample_rate":0,"format":"mp3","text":""},"asked":{"voice":"","lang":""},"shot":{"transition":"","image_width":"","image_height":"",'
    '"prompt":"","style":"","image_llm":"","generate_tts":false,"shotId":""},"depends_on":[]},"result":{"made_by":{"provider":"","model":""},"resource_type":"video","resource_type":"audio","resource_type":'
    f'"image","resource_id":"","resource_url":"https://http://localhost/assets/projects/-/shots/-/image-1.png{_SIGNED}{_OF_IMAGE}"}},"error":"",'
    f'"estimatedDuration":0,"startedAt":"2026-01-01T00:00:00Z","startedAt":"0001-01-01T00:00:00Z","finishedAt":"0001-01-01T00:00:00Z",{_TIMES},'
    '"shotId":""}}'
)
DICTIONARY = (_PROJECT + _FILM + _REST + _SHOT + _TASK).encode()
