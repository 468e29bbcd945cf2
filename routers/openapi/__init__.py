"""The OpenAPI document of both surfaces, and the page that shows it. What it says of parameters is what validates them."""
