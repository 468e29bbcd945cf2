"""Tests that need real models of others; `make test-models` installs and runs them."""
