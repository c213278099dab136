"""What all packages share: the chip's parameters and the layout of its configuration bits."""

from .chip import PRESETS, ChipConfig, load_chip
from .fields import ScanField, pack_scan, scan_fields, scan_words

__all__ = ["PRESETS", "ChipConfig", "ScanField", "load_chip", "pack_scan", "scan_fields", "scan_words"]
