"""Pictures and clips by ComfyUI, with the operator's own workflow."""
