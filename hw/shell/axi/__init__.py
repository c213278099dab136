"""The chip behind the bus that systems have: AXI4-Lite registers, an AXI4 master for DRAM."""

from .top import EyerissAxi

__all__ = ["EyerissAxi"]
