"""Simulation: the only code that knows a simulator.

``tools`` finds the simulators, ``runner`` builds and runs, ``streams`` and
``bench`` make a module's test a few lines, ``chip`` simulates whole layers by the
drivers' rules of ``host``.
"""
