"""The host's view of a chip: drive it, run a program on it, compare what it computed with the golden model.

``driver`` says what a host can do with a chip, ``jobs`` runs jobs on any driver, ``program`` a whole layer;
``result`` compares. ``serial_line`` drives a board; simulation drives the chip in ``sim.chip``. Nothing here
imports Amaranth: a driver loads in a fraction of a second.
"""
