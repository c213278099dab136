"""`eyeriss imagenet`: what photographs show, by EfficientNet-Lite0 on the simulated chip."""

from pathlib import Path

from compiler.onnx.file import load_model, model_inputs
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import import_graph
from compiler.onnx.qlinear import run_as_given
from compiler.onnx.quantize import sqnr_db
from hw.config import load_chip
from scripts.imagenet.efficientnet import MODEL, efficientnet, write_model
from scripts.imagenet.feature_maps import FeatureMaps
from scripts.imagenet.formats import quantized
from scripts.imagenet.int8 import INT8_MODEL, int8_model
from scripts.imagenet.names import best, class_names, probabilities
from scripts.imagenet.page import draw_strip, write_page
from scripts.imagenet.photographs import as_input, crop, packaged
from scripts.imagenet.weights import find_weights, load_weights
from scripts.terminal.console import bad_input, check_targets, console, counts_table, place, write_json
from scripts.terminal.names import in_path, on_terminal
from sim.jobs.network import finite
from sim.jobs.workers import parse_workers
from sim.tools.files import BUILD

from .int8 import run_int8
from .quality import verdict
from .shared import chosen_layers, division, run_model

__all__ = ["imagenet"]


def imagenet(photographs, *, weights, backend, layers, chip, simulator, workers, energy_table, output, fresh) -> int:
    """Run, print, draw; the exit status: 0 if the RTL, where asked for, equals the model."""
    output = Path(output)
    check_targets(folders={"output": output, "build": BUILD})
    with bad_input():
        workers, chip, names = parse_workers(workers), load_chip(chip), class_names()
        tensors = load_weights(weights or find_weights())
    paths = photographs or [next(iter(packaged().values()))]
    squares = [crop(path) for path in paths]  # all of them, before any work
    with bad_input():
        write_model(efficientnet(tensors), MODEL)
        proto = load_model(MODEL)
        run = (_in_8_bits if chip.data_width == 8 else _in_16_bits)(proto, layers)
    reports, answers = [], []
    for path, square, stem in zip(paths, squares, _stems(paths), strict=True):
        feeds, maps = {"x": as_input(square)}, FeatureMaps()
        exact = run_float(proto, feeds)
        with bad_input():
            report, outputs, given = run(feeds, exact, name=stem, backend=backend, chip=chip, simulator=simulator,
                                         energy_table=energy_table, fresh=fresh, workers=workers, look=maps.look)
        report |= {"photograph": str(path), "sqnr_db": finite(sqnr_db(exact["y"], outputs["y"]))} | _named(
            outputs["y"][0], exact["y"][0], None if given is None else given["y"][0], names)
        reports.append(report)
        answers.append(report["classes"][0])
        _show(report)
        write_page(report, chip, square, maps.pictures(), output / f"{stem}.html")
        console().print(f"page: {place(output / f'{stem}.html')}", soft_wrap=True)
    draw_strip(squares, answers, output / "photographs.jpg")
    write_json(output / "imagenet.json", {"photographs": reports})
    console().print(f"strip of photographs, figures: {place(output)}/photographs.jpg, imagenet.json", soft_wrap=True)
    return 0 if all(report["match"] in (True, None) for report in reports) else 1


def _in_16_bits(proto, layers):
    """A function that runs the network in the chip's fixed point: report, outputs, None."""
    network = import_graph(proto)
    only, formats = chosen_layers(layers, network), quantized(network)

    def run(feeds, exact, **options):
        return *run_model(proto, network, feeds, [], only=only, quantized=formats, oracle=exact, **options), None

    return run


def _in_8_bits(proto, layers):
    """A function that runs the 8-bit network: report, outputs, and what onnxruntime's are."""
    made = int8_model(proto, INT8_MODEL)
    network = import_graph(made, {name: port.dims for name, port in model_inputs(made).items()}, int8=True)
    only = chosen_layers(layers, network)

    def run(feeds, _, **options):
        given = run_as_given(made, feeds, network.outputs)
        return *run_int8(made, network, feeds, only=only, oracle=given, **options), given

    return run


def _stems(paths):
    """A name for the page of each photograph, no two alike."""
    found = []
    for path in paths:
        stem, count = in_path(Path(path).stem), 2
        while (name := stem if stem not in found else f"{stem}-{count}") in found:
            count += 1
        found.append(name)
    return found


def _named(scores, exact, given, names):
    """The chip's five classes and those of onnxruntime's float, with the probabilities that each gives them.

    In 8 bits also the five that onnxruntime finds in the same model, whose scores are `given`.
    """
    all_of_them = {"": scores, "float_": exact} | ({} if given is None else {"int8_": given})
    chances = {kind: probabilities(those) for kind, those in all_of_them.items()}

    def listed(those):
        return [{"class": index, "name": names[index]}
                | {f"{kind}probability": float(found[index]) for kind, found in chances.items()}
                for index in best(those)]

    return {f"{kind}classes": listed(those) for kind, those in all_of_them.items()} | {
        "same_order": best(scores) == best(exact)}


def _show(report):
    out, total = console(), report["totals"]
    order = [entry["class"] for entry in report["float_classes"]]
    kinds = {"": "chip"} | ({"int8_": "onnxruntime, 8 bits"} if report["int8"] else {}) | {
        "float_": "onnxruntime, float" if report["int8"] else "onnxruntime"}
    rows = [(entry["name"], str(entry["class"]), *(f"{entry[f'{kind}probability']:.1%}" for kind in kinds),
             str(order.index(entry["class"]) + 1) if entry["class"] in order else "")
            for entry in report["classes"]]
    title = f"{on_terminal(Path(report['photograph']).name)} on {report['chip']}, backend {report['backend']}"
    out.print(counts_table(title, ("it shows", "class", *kinds.values(), "its place"), rows))
    whole = total["rtl_cycles"] and all(entry["rtl"] for entry in report["layers"])
    of, how = ("rtl_", "in RTL") if whole else ("", "as planned")
    cycles, configuration, milliseconds = (
        total[of + name] for name in ("cycles", "configuration_cycles", "milliseconds"))
    power = total["rtl_power" if whole else "power"]
    out.print(f"{cycles:,} cycles and {configuration:,} of configuration {how}: {1e3 / milliseconds:.2f} frames/s at "
              f"{report['core_mhz']} MHz, link at {report['link_mhz']} MHz")
    out.print(f"{power['millijoules']:.3g} mJ a frame and {power['dram_millijoules']:.3g} mJ of the DRAM; "
              f"{_dram(report, whole) / 1e6:.1f} MB of DRAM traffic; {division(total)}")
    text, style = verdict(report)
    out.print(on_terminal(text), style=style)


def _dram(report, whole):
    return sum(sum((entry["rtl"] if whole else entry)["dram_bytes"].values()) for entry in report["layers"])
