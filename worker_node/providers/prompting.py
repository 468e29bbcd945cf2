"""The prompt of a picture as a model gets it."""

from __future__ import annotations

from worker_node.providers.base import ImageRequest

MAX_PROMPT = 4000  # characters; no picture server of OpenAI's form is known to take fewer but the oldest
NOTHING = "a quiet scene"  # for a shot that nobody described: servers refuse an empty prompt


def styled_prompt(request: ImageRequest) -> str:
    """The prompt with its style, where that is not in it."""
    prompt, style = request.prompt.strip() or NOTHING, request.style.strip()
    if not style or style in prompt:
        return prompt[:MAX_PROMPT]
    return f"{prompt[: MAX_PROMPT - len(style) - 2]}, {style}"
