"""The demonstration: a believable fictional department, its workshops and its people."""

from .load import DemoRefused, load, summary

__all__ = ["DemoRefused", "load", "summary"]
