"""Bit-exact numpy model of the accelerator's arithmetic; knows nothing of the hardware."""
