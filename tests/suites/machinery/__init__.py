"""What `run` is made of: sources, images, single runs, the table."""

from .image import build_image
from .report import report
from .results import Results
from .runner import Runner
from .source import fetch
from .suite import Suite

__all__ = ["Results", "Runner", "Suite", "build_image", "fetch", "report"]
