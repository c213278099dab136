"""From Verilog to silicon: what Yosys, OpenSTA and nextpnr make of the generated chip.

``yosys`` runs Yosys, ``library`` knows a cell library, ``asic`` synthesises and counts gates, ``timing`` asks
OpenSTA, ``power`` replays a layer at the gates, ``structure`` looks for what silicon does not forgive, ``fpga``
goes to a bitstream.
"""
