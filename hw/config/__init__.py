"""What all packages share: the chip's parameters and the layout of its configuration bits."""

from .chip import PRESETS, ChipConfig, load_chip
from .fields import ScanField, field_limits, pack_scan, scan_fields, scan_words
from .setup import configuration_cycles, reset_cycles
from .version import VERSION

__all__ = ["PRESETS", "VERSION", "ChipConfig", "ScanField", "configuration_cycles", "field_limits", "load_chip",
           "pack_scan", "reset_cycles", "scan_fields", "scan_words"]
