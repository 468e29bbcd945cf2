"""Diffusion pipelines with random weights, as folders that `from_pretrained` reads: tiny ones for tests, SD Turbo's own shape for
measurements. They need torch, diffusers and transformers (`make test-models`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


@dataclass(frozen=True)
class Shape:
    """How large the parts of a Stable Diffusion are."""

    unet: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]


TINY = Shape(
    unet={
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "sample_size": 32,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": 32,
    },
    vae={"block_out_channels": (32, 64), "layers_per_block": 1},
    text={"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 2},
)
SD_TURBO = Shape(
    unet={
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "sample_size": 64,
        "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
        "cross_attention_dim": 1024,
        "attention_head_dim": (5, 10, 20, 20),
        "use_linear_projection": True,
    },
    vae={"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2},
    text={"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 23},
)


def save_text_to_image(folder: Path, shape: Shape = TINY, seed: int = 0, half: bool = False) -> Path:
    """A Stable Diffusion of this shape; `half`: its weights are float16, with "fp16" in the names of the files."""
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    blocks = len(shape.vae["block_out_channels"])
    pipeline = StableDiffusionPipeline(
        unet=UNet2DConditionModel(in_channels=4, out_channels=4, **shape.unet),
        vae=AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * blocks,
            up_block_types=["UpDecoderBlock2D"] * blocks,
            latent_channels=4,
            sample_size=shape.unet["sample_size"] * 2 ** (blocks - 1),
            **shape.vae,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(bos_token_id=0, eos_token_id=1, pad_token_id=1, vocab_size=1000, **shape.text)
        ),
        tokenizer=_tokenizer(folder / "words"),
        scheduler=EulerDiscreteScheduler(timestep_spacing="trailing", **BETAS),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    if half:
        pipeline.to(dtype=torch.float16)
    target = folder / "model"
    pipeline.save_pretrained(target, variant="fp16" if half else None)
    return target


def save_image_to_video(folder: Path, seed: int = 0) -> Path:
    """A tiny Stable Video Diffusion, of 4 frames at 32 x 32 pixels."""
    import torch
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(seed)
    vision = {"hidden_size": 32, "projection_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    pipeline = StableVideoDiffusionPipeline(
        unet=UNetSpatioTemporalConditionModel(
            block_out_channels=(32, 64),
            layers_per_block=1,
            sample_size=16,
            in_channels=8,
            out_channels=4,
            down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            cross_attention_dim=32,
            num_attention_heads=8,
            num_frames=4,
            projection_class_embeddings_input_dim=96,
            addition_time_embed_dim=32,
        ),
        vae=AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, sample_size=32
        ),
        image_encoder=CLIPVisionModelWithProjection(
            CLIPVisionConfig(image_size=224, patch_size=56, intermediate_size=37, **vision)
        ),
        scheduler=EulerDiscreteScheduler(
            prediction_type="v_prediction", timestep_type="continuous", use_karras_sigmas=True, **BETAS
        ),
        feature_extractor=CLIPImageProcessor(crop_size=32, size=32),
    )
    target = folder / "video-model"
    pipeline.save_pretrained(target)
    return target


def _tokenizer(folder: Path) -> Any:
    """One that knows letters."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)
