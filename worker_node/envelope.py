"""What POST /v1/generate takes. Types are strict, as on the task: a number where text belongs is refused, not guessed at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_STORY = 200_000
MAX_TEXT = 20_000
MAX_NAME = 200
MAX_IMAGE_BASE64 = 48 << 20  # characters: 36 MiB of image
MAX_REFERENCES = 16
MAX_SHOTS = 200
DEFAULT_SHOTS = 6
SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("不能含有 NUL 字符")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("含有不成对的 UTF-16 代理字符")
    return text


Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_clean)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_clean)]
Story = Annotated[str, Field(max_length=MAX_STORY), AfterValidator(_clean)]
Pixels = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,4})?$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ShotDefaults(_Part):
    """`parameters.shot_defaults`; shot_count 0 means the node's default. `telling` is our own key: "" is "verbatim"."""

    shot_count: Annotated[int, Field(ge=0, le=MAX_SHOTS)] = 0
    style: Name = ""
    storyText: Story = ""  # noqa: N815 - the wire's name
    telling: Literal["", "verbatim", "told"] = ""


class Shot(_Part):
    """`parameters.shot`. Our own keys are `image_base64` (PNG, JPEG or WebP bytes), the image that a clip is made from, and
    `reference_images` (the same), pictures of those who are to be seen in an image.
    """

    transition: Name = ""
    shotId: Name = ""  # noqa: N815 - the wire's name
    image_width: Pixels = ""
    image_height: Pixels = ""
    prompt: Text = ""
    style: Name = ""
    image_llm: Text = ""
    generate_tts: bool = False
    model: Name = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    steps: Annotated[int, Field(ge=0, le=1000)] | None = None
    cfg_scale: Annotated[Number, Field(ge=0, le=100)] | None = None
    negative_prompt: Text = ""
    image_base64: Annotated[str, Field(max_length=MAX_IMAGE_BASE64, repr=False)] = ""
    reference_images: Annotated[
        list[Annotated[str, Field(max_length=MAX_IMAGE_BASE64)]], Field(max_length=MAX_REFERENCES, repr=False)
    ] = []


class Video(_Part):
    """`parameters.video`; "" and 0 mean the node's default. `bitrate` is in kbit/s, `duration` in seconds."""

    resolution: Annotated[str, Field(pattern=r"^([1-9][0-9]{1,3}x[1-9][0-9]{1,3})?$")] = ""
    fps: Annotated[int, Field(ge=0, le=60)] = 0
    format: Literal["", "mp4"] = ""
    bitrate: Annotated[int, Field(ge=0, le=200_000)] = 0
    duration: Annotated[Number, Field(ge=0, le=60)] = 0
    model: Name = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class Tts(_Part):
    """`parameters.tts`. `text` and `speed` are our own keys: a foreign node reads the text from `shot.prompt`."""

    voice: Annotated[str, Field(max_length=64, pattern=r"^[\w .+-]*$")] = ""
    lang: Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z-]*$")] = ""
    sample_rate: int = 0
    format: Literal["", "mp3", "wav"] = ""
    text: Text = ""
    speed: Annotated[Number, Field(ge=0.5, le=2.0)] | None = None


class Parameters(_Part):
    """`parameters`, only those that are set."""

    shot_defaults: ShotDefaults | None = None
    shot: Shot | None = None
    video: Video | None = None
    tts: Tts | None = None
    depends_on: Annotated[list[Name], Field(max_length=1000)] | None = None


class Envelope(_Part):
    """A task on its way to the node. `id` is the idempotency key; what else the server sends is ignored."""

    id: Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_clean)]
    type: Literal["generate_storyboard", "generate_shot", "generate_audio", "generate_video"]
    project_id: Name | None = ""
    shot_id: Name | None = ""
    message: Text | None = ""
    estimated_duration: int | None = 0
    parameters: Parameters = Parameters()

    def without_images(self) -> Envelope:
        """The same without the images' texts, which may be `MAX_IMAGE_BASE64` long: what is kept of a job."""
        shot = self.parameters.shot
        if shot is None or not (shot.image_base64 or shot.reference_images):
            return self
        shot = shot.model_copy(update={"image_base64": "", "reference_images": []})
        return self.model_copy(update={"parameters": self.parameters.model_copy(update={"shot": shot})})

    def shown_parameters(self) -> dict[str, Any]:
        """The parameters as GET /v1/jobs shows them: without the images' bytes."""
        pictures = {"shot": {"image_base64", "reference_images"}}
        return self.parameters.model_dump(exclude_unset=True, exclude_none=True, exclude=pictures)
