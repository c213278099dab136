"""The version of the generator, which everything that it writes carries; pyproject.toml has it."""

import importlib.metadata

__all__ = ["VERSION"]

VERSION = importlib.metadata.version("eyeriss-generator")
