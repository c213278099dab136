"""Power of gates: what a layer does to the ports of a module, its netlist under that, OpenSTA's report."""
