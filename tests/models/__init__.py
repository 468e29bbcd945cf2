"""Tests that need real models, or the packages of such; `make test-models` installs and runs them."""
