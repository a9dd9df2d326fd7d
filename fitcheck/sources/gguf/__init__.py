"""GGUF files, whole or split: every tensor to the byte, and the model that the header describes."""

from fitcheck.sources.gguf.header import Header, read_header
from fitcheck.sources.gguf.model import model_of
from fitcheck.sources.gguf.split import Pieces, file_type, join, pieces, whole

__all__ = ["Header", "Pieces", "file_type", "join", "model_of", "pieces", "read_header", "whole"]
