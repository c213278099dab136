"""How good the outputs of a run are, in words: `match` alone says only that RTL and model agree."""

from collections import defaultdict

from compiler.onnx.chip_layer import ChipLayer
from compiler.onnx.graph import Network
from scripts.pages.page import decibels

__all__ = ["POOR", "against_float", "verdict", "warnings"]

POOR = 20.0  # dB of SQNR; an output with less is not what the float model says
FAR = 20.0  # dB by which an output may lie below the worst layer that it comes from
FLOAT = 100.0  # dB that float32 itself may cost: layers without any noise count as these
NAMED = 3  # layers that a warning names


def warnings(report, network: Network, ran) -> list[str]:
    """What there is to doubt in a run, a line each.

    Parameters
    ----------
    report : dict
        The object of `eyeriss run --json`.
    ran : list of int
        The `index` of each of the report's layers: those that nothing reached are not among them.
    """
    found = [f"input {name}: {entry['outside']} of {entry['values']} values lie outside the calibrated range "
             f"{entry['calibrated'][0]:g} to {entry['calibrated'][1]:g}"
             for name, entry in report["inputs"].items() if entry["outside"]]
    for kind, what in (("saturated", "ifmap values are cut off"), ("overflowed", "sums overflow")):
        if cut := sorted((entry for entry in report["layers"] if entry[kind]), key=lambda entry: -entry[kind]):
            layers = [f"{entry['layer']} {entry[kind]:.2%}" for entry in cut]
            found.append(f"{what} in {_few(layers)}: calibrate with data like the input's")
    sources = _sources(network)
    for name, entry in report["outputs"].items():
        layers = [layer for index, layer in zip(ran, report["layers"], strict=True) if index in sources[name]]
        if line := _of_output(name, entry, layers):
            found.append(line)
    return found


def _of_output(name, entry, layers):
    """What there is to doubt in an output, from the entries of the layers that it comes from; None if nothing."""
    if entry["differing"]:
        return f"output {name}: {entry['differing']} of {entry['values']} values are not onnxruntime's"
    noise = entry["sqnr_db"]
    if noise is None:
        return None
    lowest = min([layer["sqnr_db"] for layer in layers if layer["sqnr_db"] is not None] + [FLOAT])
    far = noise < lowest - FAR
    if noise >= POOR and not far:
        return None
    text = f"output {name} has {decibels(noise)} dB of SQNR against onnxruntime's float"
    if far:
        have = f"the layers that it comes from have {lowest:.1f} or more" if layers else "it comes from no layer"
        text += f", but {have}: what the host computes is not what the model says, or magnifies noise"
    if losses := _losses(layers):
        text += f"; by themselves most is lost in {_few(losses)}"
    return text


def _losses(layers):
    """Layers with their own SQNR, those that lose most first."""
    noisy = sorted((layer for layer in layers if layer["own_sqnr_db"] is not None),
                   key=lambda layer: layer["own_sqnr_db"])
    return [f"{layer['layer']} ({decibels(layer['own_sqnr_db'])} dB)" for layer in noisy]


def _few(names):
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _sources(network):
    """For each tensor the indices of the layers that it comes from."""
    behind = defaultdict(set)
    for step in network.steps:
        if isinstance(step, ChipLayer):
            behind[step.output] = behind[step.input] | {step.index}
        else:
            behind.update(dict.fromkeys(step.outputs, set().union(*(behind[name] for name in step.inputs))))
    return behind


def against_float(entry) -> str:
    """How an output compares with onnxruntime's, from its object in the JSON."""
    if entry["differing"] is not None:
        return f"{entry['values'] - entry['differing']} of {entry['values']} values are onnxruntime's"
    return f"SQNR against onnxruntime's float: {decibels(entry['sqnr_db'])}" + (
        " dB" if entry["sqnr_db"] is not None else "")


def verdict(report) -> tuple[str, str]:
    """The line that sums a run up, and its style: whether RTL and model agree, and how good the outputs are."""
    parts, wrong = [], []
    if report["match"] is not None:
        done = [entry for entry in report["layers"] if entry["rtl"]]
        wrong = [entry["layer"] for entry in done if not entry["rtl"]["match"]]
        parts.append(f"MISMATCH in {', '.join(wrong)}" if wrong else
                     f"match: every tensor of {len(done)} layers equal to the model's, in RTL")
    if report["int8"]:
        values, differing = (sum(entry[key] for entry in report["layers"]) for key in ("values", "differing"))
        parts.append(f"{differing:,} of {values:,} values of the layers are not onnxruntime's" if differing else
                     f"all {values:,} values of {len(report['layers'])} layers are onnxruntime's")
    outputs = report["outputs"].values()
    noise = [entry["sqnr_db"] for entry in outputs if entry["sqnr_db"] is not None]
    if noise:
        parts.append(f"outputs: {min(noise):.1f} dB of SQNR against onnxruntime's float"
                     + (" (poor)" if min(noise) < POOR else ""))
    elif not any(entry["differing"] for entry in outputs):
        parts.append("outputs: equal to onnxruntime's")
    if doubts := len(report["warnings"]):
        parts.append(f"{doubts} warning{'s' if doubts > 1 else ''}")
    return "; ".join(parts), "bold red" if wrong else "yellow" if doubts else "green"
