"""Which providers there are, by kind and name. A real model is added by naming its class here; nothing is imported before it is chosen."""

from __future__ import annotations

KINDS = ("llm", "t2i", "i2v", "tts")

PROVIDERS: dict[str, dict[str, str]] = {
    "llm": {
        "offline": "worker_node.providers.offline.storyteller:OfflineStoryteller",
        "ollama": "worker_node.providers.ollama:OllamaStoryteller",
        "openai": "worker_node.providers.openai.chat:OpenAIStoryteller",
    },
    "t2i": {
        "offline": "worker_node.providers.offline.painter.painter:OfflinePainter",
        "openai": "worker_node.providers.openai.images:OpenAIPainter",
        "diffusers": "worker_node.providers.diffusion.painter:DiffusersPainter",
        "comfyui": "worker_node.providers.comfyui.painter:ComfyPainter",
    },
    "i2v": {
        "offline": "worker_node.providers.offline.animator:OfflineAnimator",
        "openai": "worker_node.providers.openai.videos:OpenAIAnimator",
        "diffusers": "worker_node.providers.diffusion.animator:DiffusersAnimator",
        "comfyui": "worker_node.providers.comfyui.animator:ComfyAnimator",
    },
    "tts": {
        "offline": "worker_node.providers.offline.speaker:OfflineSpeaker",
        "kokoro": "worker_node.providers.kokoro.speaker:KokoroSpeaker",
        "openai": "worker_node.providers.openai.speech:OpenAISpeaker",
        "cosyvoice": "worker_node.providers.cosyvoice:CosyVoiceSpeaker",
    },
}

LOADED = frozenset({"diffusers"})
"""Providers that hold a large model in the worker process: there is one such process, it stays for `keep_alive`, and a job that is
cancelled ends between two steps."""

DEFAULT_CHAINS = {"llm": ("offline",), "t2i": ("offline",), "i2v": ("offline",), "tts": ("kokoro", "offline")}
"""The providers of a node that nobody configured, in their order."""

DEFAULT_MODELS = {
    "llm": {"ollama": "qwen2.5:0.5b"},
    "t2i": {"openai": "gpt-image-1", "diffusers": "stabilityai/sd-turbo"},
    "i2v": {"diffusers": "stabilityai/stable-video-diffusion-img2vid-xt"},
    "tts": {"offline": "espeak-ng", "kokoro": "Kokoro-82M", "openai": "gpt-4o-mini-tts"},
}
"""What a provider works with where no model is set. The others have none (they go by rules), ask for one, or leave it to their server."""
