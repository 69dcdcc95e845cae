"""Tests of the sandbox; `probe` is their client and `model` their judge."""
