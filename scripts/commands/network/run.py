"""`eyeriss run`: an ONNX model on the simulated chip."""

import io
import zipfile
from pathlib import Path

import numpy as np

from compiler.onnx.file import load_model, model_inputs
from compiler.onnx.graph import import_graph
from hw.config import load_chip
from scripts.commands.shared import power_line, prepare_recording, show_recording
from scripts.pages.network import write_page
from scripts.pages.page import decibels
from scripts.terminal.console import (
    BadInput,
    bad_input,
    check_targets,
    choose_page,
    console,
    counts_table,
    place,
    time_line,
    write_json,
)
from scripts.terminal.names import on_terminal, own_file
from sim.tools.files import BUILD, write_file

from .inputs import load_calibration, load_inputs
from .quality import against_float, verdict
from .shared import chosen_layers, division, layer_recordings, run_model

__all__ = ["run"]


def run(model, *, inputs, output, calibration, backend, layers, chip, objective, ofmap, simulator, pixels,
        energy_table=None, fresh, recording, json_target, page, no_page=False) -> int:
    """Run, print, write; the exit status."""
    path = Path(model)
    page = choose_page(page, no_page, BUILD / "run" / f"{own_file(path)}.html")
    check_targets(output=output, json=json_target, page=page, folders={"build": BUILD})
    if output is not None and output.suffix not in (".npy", ".npz"):
        raise BadInput(f"--output must end in .npy or .npz, not {output}")
    with bad_input():
        proto = load_model(path)
        ports = model_inputs(proto)
        feeds = load_inputs(inputs, ports, pixels)
        batches = load_calibration(calibration, ports, pixels) if calibration else [feeds]
        network = import_graph(proto, {name: value.shape for name, value in feeds.items()})
        if output is not None and Path(output).suffix != ".npz" and len(network.outputs) > 1:
            raise BadInput(f"--output must end in .npz, as the model has the outputs {', '.join(network.outputs)}")
        chip = load_chip(chip)
        only = chosen_layers(layers, network)
        if recording and backend == "model":
            raise BadInput("--waves and --trace need --backend rtl or both: the model has no signals")
        prepare_recording(recording, chip, simulator)
        records = layer_recordings(network, only, recording)
        report, outputs = run_model(proto, network, feeds, batches, name=path.stem, backend=backend, only=only,
                                    records=records, chip=chip, objective=objective, ofmap=ofmap,
                                    simulator=simulator, energy_table=energy_table, fresh=fresh)
    if output is not None:
        _save(output, outputs)
    write_json(json_target, report)
    _show(report, outputs, stderr=json_target == "-")
    if page:
        write_page(report, chip, page)
        console(stderr=json_target == "-").print(f"page: {place(page)}", soft_wrap=True)
    for record in records.values():
        show_recording(record, stderr=json_target == "-")
    return 0 if report["match"] in (True, None) else 1


def _save(output, outputs):
    buffer = io.BytesIO()
    if output.suffix == ".npz":
        with zipfile.ZipFile(buffer, "w") as archive:  # as np.savez does, which takes no array of the name "file"
            for name, value in outputs.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asanyarray(value))
    else:
        np.save(buffer, next(iter(outputs.values())))
    write_file(output, buffer.getvalue())


def _is_score(value):
    """A number for each of several classes."""
    return np.ndim(value) == 2 and value.shape[1] > 1 and value.dtype.kind in "fiu"


def _show(report, outputs, *, stderr):
    out, entries, total = console(stderr), report["layers"], report["totals"]
    rows = []
    for entry in entries:
        bits = entry["fraction_bits"]
        rtl = entry["rtl"]
        cycles = f"{rtl['cycles']['total']:,}" if rtl else f"({entry['cycles']:,})"
        state = {None: "" if rtl is None else "not compared", True: "yes", False: "NO"}[rtl and rtl["match"]]
        rows.append((entry["layer"], "+".join(entry["folded"]), f"{entry['macs'] / 1e6:.2f}", cycles, state,
                     f"{bits['ifmap']}/{bits['weights']}/{bits['ofmap']}", f"{entry['headroom_bits']:.1f}",
                     f"{entry['saturated'] + entry['overflowed']:.2%}", decibels(entry["sqnr_db"])))
    title = f"{report['model']} on {report['chip']}, backend {report['backend']}, N = {report['batch']}"
    out.print(counts_table(title, ("layer", "is", "MMACs", "cycles (planned)", "equal", "bits i/w/o", "headroom",
                                   "clipped", "SQNR dB"), rows, optional=("headroom", "is", "bits i/w/o", "MMACs")))
    out.print(division(total))
    out.print(f"planned: {time_line(total, report['core_mhz'])}")
    if total["power"]:
        out.print(f"planned: {power_line(total['power'])}")
    for name, value in outputs.items():
        note = against_float(report["outputs"][name])
        out.print(f"{on_terminal(name)}: {'x'.join(map(str, np.shape(value))) or 'scalar'}, {note}")
        if _is_score(value):
            for row in value[:8].astype(np.float64):  # in which all can be negated
                best = np.argsort(-row, kind="stable")[:5]
                out.print("  " + "  ".join(f"class {index}: {row[index]:.3g}" for index in best))
    text, style = verdict(report)
    if text:
        out.print(on_terminal(text), style=style)
