"""Pictures and clips by diffusion models in the worker process itself, as the package diffusers runs them."""
