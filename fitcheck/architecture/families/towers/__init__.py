"""Encoders of images and sound, and what joins them to a language model."""
