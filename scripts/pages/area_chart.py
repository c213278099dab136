"""The area of a chip's parts as bars."""

import io

from sim.tools.files import write_file

__all__ = ["draw"]


def draw(groups, chip, path):
    """Write a PNG: logic and the spads' registers of each part in thousands of NAND2.

    Parameters
    ----------
    groups : dict
        From `flow.area.by_group`.
    path : Path
    """
    import matplotlib  # slow to import

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = sorted(groups, key=lambda name: sum(groups[name][kind] for kind in ("logic", "registers")))
    logic = [groups[name]["logic"] / 1000 for name in names]
    registers = [groups[name]["registers"] / 1000 for name in names]
    figure, axes = plt.subplots(figsize=(8, 0.5 * len(names) + 1.2), layout="constrained")
    bars = axes.barh(names, logic, label="logic", color="tab:blue")
    axes.barh(names, registers, left=logic, label="spads' register files", color="tab:orange")
    axes.bar_label(bars, [f"{value:.0f}" for value in logic], label_type="center", color="white", fontsize=8)
    axes.set_xlabel("thousands of NAND2")
    axes.set_title(f"{chip}: {sum(logic):,.0f} k of logic, {sum(registers):,.0f} k of spads' registers")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_file(path, buffer.getvalue())
    plt.close(figure)
