"""The classes of nodes that a ComfyUI has: what each takes, what a workflow got wrong, and how `/object_info` tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Workflow = dict[str, dict[str, Any]]

TEXT, LINK, TRUTH = "text", "link", "truth"
FILES = ("checkpoint", "input")
CHOICES: dict[str, tuple[str, ...]] = {
    "sampler": ("euler", "euler_ancestral", "dpmpp_2m", "lcm", "uni_pc"),
    "scheduler": ("normal", "karras", "simple", "sgm_uniform"),
    "crop": ("disabled", "center"),
    "upscale": ("nearest-exact", "bilinear", "area", "bicubic", "lanczos"),
    "webp": ("default", "fastest", "slowest"),
    "container": ("auto", "mp4"),
    "codec": ("auto", "h264"),
    "webm": ("vp9", "av1"),
    "combine": ("image/gif", "video/h264-mp4", "video/webm"),
    "yes": ("enable", "disable"),
}
"""What is chosen from a list."""


@dataclass(frozen=True)
class Number:
    """A number between two others; `whole`: without a fraction."""

    low: float
    high: float
    whole: bool = True


SIDE, SEED, STEPS = Number(16, 16384), Number(0, 2**64 - 1), Number(1, 10000)
CFG, PART, FPS = Number(0, 100, whole=False), Number(0, 1, whole=False), Number(0.01, 1000, whole=False)
Kind = Any  # TEXT, LINK, TRUTH, a key of FILES or CHOICES, or a `Number`


@dataclass(frozen=True)
class NodeClass:
    """Its inputs, of which the `optional` ones need not be there. `saves`: the key of its files among the outputs."""

    inputs: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)
    saves: str = ""
    ending: str = ".png"


def _links(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, LINK)


_SAMPLER = {**_links("model", "positive", "negative", "latent_image"), "seed": SEED, "steps": STEPS, "cfg": CFG}
CLASSES: dict[str, NodeClass] = {
    "CheckpointLoaderSimple": NodeClass({"ckpt_name": "checkpoint"}),
    "ImageOnlyCheckpointLoader": NodeClass({"ckpt_name": "checkpoint"}),
    "CLIPTextEncode": NodeClass({"text": TEXT, "clip": LINK}),
    "EmptyLatentImage": NodeClass({"width": SIDE, "height": SIDE, "batch_size": Number(1, 4096)}),
    "KSampler": NodeClass({**_SAMPLER, "sampler_name": "sampler", "scheduler": "scheduler", "denoise": PART}),
    "SamplerCustom": NodeClass(
        {
            **_links("model", "positive", "negative", "sampler", "sigmas", "latent_image"),
            **{"add_noise": TRUTH, "noise_seed": SEED, "cfg": CFG},
        }
    ),
    "KSamplerSelect": NodeClass({"sampler_name": "sampler"}),
    "SDTurboScheduler": NodeClass({"model": LINK, "steps": Number(1, 10), "denoise": PART}),
    "BasicScheduler": NodeClass({"model": LINK, "scheduler": "scheduler", "steps": STEPS, "denoise": PART}),
    "VAEDecode": NodeClass(_links("samples", "vae")),
    "VAEEncode": NodeClass(_links("pixels", "vae")),
    "LoadImage": NodeClass({"image": "input"}),
    "ImageScale": NodeClass(
        {"image": LINK, "upscale_method": "upscale", "width": SIDE, "height": SIDE, "crop": "crop"}
    ),
    "SVD_img2vid_Conditioning": NodeClass(
        {
            **_links("clip_vision", "init_image", "vae"),
            **{"width": SIDE, "height": SIDE, "video_frames": Number(1, 4096), "motion_bucket_id": Number(1, 1023)},
            **{"fps": Number(1, 1024), "augmentation_level": Number(0, 10, whole=False)},
        }
    ),
    "VideoLinearCFGGuidance": NodeClass({"model": LINK, "min_cfg": CFG}),
    "CreateVideo": NodeClass({"images": LINK, "fps": FPS}, {"audio": LINK}),
    "PreviewImage": NodeClass(_links("images"), saves="images"),
    "SaveImage": NodeClass({"images": LINK, "filename_prefix": TEXT}, saves="images"),
    "SaveAnimatedWEBP": NodeClass(
        {
            **{"images": LINK, "filename_prefix": TEXT, "fps": FPS, "lossless": TRUTH},
            **{"quality": Number(0, 100), "method": "webp"},
        },
        saves="images",
        ending=".webp",
    ),
    "SaveWEBM": NodeClass(
        {"images": LINK, "filename_prefix": TEXT, "codec": "webm", "fps": FPS, "crf": Number(0, 63, whole=False)},
        saves="images",
        ending=".webm",
    ),
    "SaveVideo": NodeClass(
        {"video": LINK, "filename_prefix": TEXT, "format": "container", "codec": "codec"},
        saves="images",
        ending=".mp4",
    ),
    "VHS_VideoCombine": NodeClass(
        {
            **{"images": LINK, "frame_rate": FPS, "loop_count": Number(0, 100), "filename_prefix": TEXT},
            **{"format": "combine", "pingpong": TRUTH, "save_output": TRUTH},
        },
        {"audio": LINK, "crf": Number(0, 100), "pix_fmt": TEXT, "save_metadata": TRUTH},
        saves="gifs",
        ending=".mp4",
    ),
}


@dataclass
class Stock:
    """The classes and the files that a server has; `lacks` are classes that are not installed."""

    checkpoints: Sequence[str]
    lacks: Sequence[str] = ()
    inputs: list[str] = field(default_factory=list)
    combos: bool = False

    def has(self, name: Any) -> bool:
        """Whether a class is there."""
        return name in CLASSES and name not in self.lacks

    def errors(self, workflow: Workflow) -> dict[str, Any]:
        """What is wrong with each node, in ComfyUI's words."""
        found = {name: self._wrong(workflow, node) for name, node in workflow.items()}
        return {
            name: {"errors": errors, "dependent_outputs": [], "class_type": workflow[name]["class_type"]}
            for name, errors in found.items()
            if errors
        }

    def _wrong(self, workflow: Workflow, node: dict[str, Any]) -> list[dict[str, Any]]:
        inputs, known = node.get("inputs", {}), CLASSES[node["class_type"]]
        errors = [_error("required_input_missing", name) for name in known.inputs if name not in inputs]
        for name, value in inputs.items():
            kind = {**known.inputs, **known.optional}.get(name)
            word = "unknown_input" if kind is None else self._misfit(workflow, kind, value)
            if word:
                errors.append(_error(word, name, value))
        return errors

    def _misfit(self, workflow: Workflow, kind: Kind, value: Any) -> str:
        """What is wrong with an input's value, "" where nothing is."""
        if kind == LINK:
            linked = isinstance(value, list) and len(value) == 2 and value[0] in workflow
            return "" if linked else "bad_linked_input"
        if isinstance(kind, Number):
            return _misfit_number(kind, value)
        if kind == TRUTH:
            return "" if isinstance(value, bool) else "invalid_input_type"
        if not isinstance(value, str):
            return "invalid_input_type"
        return "" if kind == TEXT or value in self._list(kind) else "value_not_in_list"

    def _list(self, kind: str) -> list[str]:
        return {"checkpoint": [*self.checkpoints], "input": self.inputs}.get(kind) or [*CHOICES.get(kind, ())]

    def info(self) -> dict[str, Any]:
        """What `/object_info` says of every class."""
        return {name: self._told(name, known) for name, known in CLASSES.items() if name not in self.lacks}

    def _told(self, name: str, known: NodeClass) -> dict[str, Any]:
        inputs = {
            part: {each: self._type(kind) for each, kind in kinds.items()}
            for part, kinds in (("required", known.inputs), ("optional", known.optional))
            if kinds or part == "required"
        }
        return {"input": inputs, "name": name, "display_name": name, "output": [], "output_node": bool(known.saves)}

    def _type(self, kind: Kind) -> list[Any]:
        if isinstance(kind, Number):
            return ["INT" if kind.whole else "FLOAT", {"min": kind.low, "max": kind.high}]
        if kind in FILES or kind in CHOICES:
            return ["COMBO", {"options": self._list(kind)}] if self.combos else [self._list(kind), {}]
        return [{TEXT: "STRING", TRUTH: "BOOLEAN"}.get(kind, "IMAGE"), {}]


def _misfit_number(kind: Number, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int if kind.whole else (int, float)):
        return "invalid_input_type"
    if value < kind.low:
        return "value_smaller_than_min"
    return "value_bigger_than_max" if value > kind.high else ""


def _error(word: str, name: str, value: Any = None) -> dict[str, Any]:
    message = {"required_input_missing": "Required input is missing", "value_not_in_list": "Value not in list"}
    return {
        "type": word,
        "message": message.get(word, word.replace("_", " ")),
        "details": f"{name}: {value!r}"[:200],
        "extra_info": {"input_name": name, "received_value": value},
    }
