"""`eyeriss run`: an ONNX model on the simulated chip."""

import io
import zipfile
from pathlib import Path

import numpy as np

from compiler.onnx.file import load_model, model_inputs
from compiler.onnx.graph import import_graph
from compiler.onnx.qlinear import is_quantized
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
    working,
    write_json,
)
from scripts.terminal.names import on_terminal, own_file
from sim.tools.files import BUILD, write_file

from .inputs import Preparation, load_calibration, load_classes, load_inputs, sized
from .int8 import run_int8
from .quality import against_float, verdict
from .quantizer import quantized
from .shared import chosen_layers, division, layer_recordings, run_model

__all__ = ["run"]


def run(model, *, inputs, shapes=(), output, calibration, quantization=None, backend, layers, chip, objective, ofmap,
        simulator, pixels, crop=1.0, classes=None, energy_table=None, fresh, recording, json_target, page,
        no_page=False) -> int:
    """Run, print, write; the exit status."""
    path = Path(model)
    page = choose_page(page, no_page, BUILD / "run" / f"{own_file(path)}.html")
    check_targets(output=output, json=json_target, page=page, folders={"build": BUILD})
    if output is not None and output.suffix not in (".npy", ".npz"):
        raise BadInput(f"--output must end in .npy or .npz, not {output}")
    preparation, names = Preparation(pixels, crop), load_classes(classes) if classes else []
    with bad_input():
        proto = load_model(path)
        ports = sized(shapes, model_inputs(proto))
        feeds = load_inputs(inputs, ports, preparation)
        batches = load_calibration(calibration, ports, preparation) if calibration else [feeds]
        chip = load_chip(chip)
        int8 = chip.data_width == 8 and (quantization is not None or is_quantized(proto))
        if int8 and calibration:
            raise BadInput("--calibrate is for float models on a chip of 16 bits; a quantized one has its scales")
        if chip.data_width == 8 and not int8:
            raise BadInput(f"chip {chip.name} runs quantized models, and this one is float: --quantize DIR makes an "
                           "8-bit model of it")
        if quantization is not None:
            proto = _quantized(proto, quantization, ports, preparation, chip, path)
        network = import_graph(proto, {name: value.shape for name, value in feeds.items()}, int8=int8)
        if output is not None and Path(output).suffix != ".npz" and len(network.outputs) > 1:
            raise BadInput(f"--output must end in .npz, as the model has the outputs {', '.join(network.outputs)}")
        only = chosen_layers(layers, network)
        if recording and backend == "model":
            raise BadInput("--waves and --trace need --backend rtl or both: the model has no signals")
        prepare_recording(recording, chip, simulator)
        records = layer_recordings(network, only, recording)
        options = {"name": path.stem, "chip": chip, "backend": backend, "objective": objective, "ofmap": ofmap,
                   "only": only, "simulator": simulator, "energy_table": energy_table, "fresh": fresh,
                   "records": records}
        report, outputs = run_int8(proto, network, feeds, **options) if int8 else run_model(
            proto, network, feeds, batches, **options)
    if output is not None:
        _save(output, outputs)
    write_json(json_target, report)
    _show(report, outputs, names, stderr=json_target == "-")
    if page:
        write_page(report, chip, page)
        console(stderr=json_target == "-").print(f"page: {place(page)}", soft_wrap=True)
    for record in records.values():
        show_recording(record, stderr=json_target == "-")
    return 0 if report["match"] in (True, None) else 1


def _quantized(proto, source, ports, preparation, chip, path):
    """The model in 8 bits, which is also written, to build/run."""
    if chip.data_width != 8:
        raise BadInput(f"--quantize needs a chip of 8-bit data (data_width = 8); {chip.name} has {chip.data_width}")
    if is_quantized(proto):
        raise BadInput("--quantize needs a float model; this one is quantized")
    batches = load_calibration(source, ports, preparation, "--quantize")
    with working("the quantizer"):
        made = quantized(proto, batches)
    target = BUILD / "run" / f"{own_file(path)}-int8.onnx"
    write_file(target, made.SerializeToString())
    console(stderr=True).print(f"quantized model: {place(target)}", soft_wrap=True)
    return made


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


def _class(index, names):
    return f"class {index}" + (f" ({on_terminal(names[index])})" if index < len(names) else "")


def _show(report, outputs, names, *, stderr):
    out, total = console(stderr), report["totals"]
    out.print(_int8_table(report) if report["int8"] else _table(report))
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
                out.print("  " + "  ".join(f"{_class(index, names)}: {row[index]:.3g}" for index in best))
    text, style = verdict(report)
    if text:
        out.print(on_terminal(text), style=style)


def _title(report):
    return f"{report['model']} on {report['chip']}, backend {report['backend']}, N = {report['batch']}"


def _table(report):
    rows = []
    for entry in report["layers"]:
        bits = entry["fraction_bits"]
        rows.append((entry["layer"], "+".join(entry["folded"]), f"{entry['macs'] / 1e6:.2f}", *_in_rtl(entry),
                     f"{bits['ifmap']}/{bits['weights']}/{bits['ofmap']}", f"{entry['headroom_bits']:.1f}",
                     f"{entry['saturated'] + entry['overflowed']:.2%}", decibels(entry["sqnr_db"])))
    columns = ("layer", "is", "MMACs", "cycles (planned)", "equal", "bits i/w/o", "headroom", "clipped", "SQNR dB")
    return counts_table(_title(report), columns, rows, optional=("headroom", "is", "bits i/w/o", "MMACs"))


def _in_rtl(entry):
    """A layer's cycles, in brackets where they are planned, and whether its tensor is the model's."""
    rtl = entry["rtl"]
    if rtl is None:
        return f"({entry['cycles']:,})", ""
    return f"{rtl['cycles']['total']:,}", {None: "not compared", True: "yes", False: "NO"}[rtl["match"]]


def _int8_table(report):
    rows = []
    for entry in report["layers"]:
        zeros = "/".join(str(entry["formats"][end]["zero"]) for end in ("ifmap", "ofmap"))
        rows.append((entry["layer"], "+".join(entry["folded"]), f"{entry['macs'] / 1e6:.2f}",
                     *_in_rtl(entry), f"{entry['differing']:,} of {entry['values']:,}", zeros,
                     f"{entry['saturated']:.2%}"))
    columns = ("layer", "is", "MMACs", "cycles (planned)", "equal", "differing", "zero i/o", "clipped")
    return counts_table(_title(report), columns, rows, optional=("is", "zero i/o", "MMACs"))
