"""`eyeriss imagenet`: what photographs show, by EfficientNet-Lite0 on the simulated chip."""

from pathlib import Path

from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import import_graph
from hw.config import load_chip
from scripts.imagenet.efficientnet import MODEL, efficientnet, write_model
from scripts.imagenet.feature_maps import FeatureMaps
from scripts.imagenet.formats import quantized
from scripts.imagenet.names import best, class_names, probabilities
from scripts.imagenet.page import draw_strip, write_page
from scripts.imagenet.photographs import as_input, crop, packaged
from scripts.imagenet.weights import find_weights, load_weights
from scripts.terminal.console import BadInput, bad_input, check_targets, console, counts_table, place, write_json
from scripts.terminal.names import in_path, on_terminal
from sim.jobs.workers import parse_workers
from sim.tools.files import BUILD

from .quality import verdict
from .shared import chosen_layers, division, run_model

__all__ = ["imagenet"]


def imagenet(photographs, *, weights, backend, layers, chip, simulator, workers, energy_table, output, fresh) -> int:
    """Run, print, draw; the exit status: 0 if the RTL, where asked for, equals the model."""
    output = Path(output)
    check_targets(folders={"output": output, "build": BUILD})
    with bad_input():
        workers, chip = parse_workers(workers), load_chip(chip)
        if chip.data_width != 16:
            raise BadInput(f"--chip must have data of 16 bits, which the formats are for, not {chip.data_width}")
        names = class_names()
        write_model(efficientnet(load_weights(weights or find_weights())), MODEL)
        proto = load_model(MODEL)
        network = import_graph(proto)
        only, formats = chosen_layers(layers, network), quantized(network)
    paths = photographs or [next(iter(packaged().values()))]
    squares = [crop(path) for path in paths]  # all of them, before any work
    reports, answers = [], []
    for path, square, stem in zip(paths, squares, _stems(paths), strict=True):
        feeds, maps = {"x": as_input(square)}, FeatureMaps()
        exact = run_float(proto, feeds)
        with bad_input():
            report, outputs = run_model(proto, network, feeds, [], name=stem, backend=backend, chip=chip, only=only,
                                        simulator=simulator, energy_table=energy_table, fresh=fresh,
                                        quantized=formats, workers=workers, oracle=exact, look=maps.look)
        report |= {"photograph": str(path)} | _named(outputs["y"][0], exact["y"][0], names)
        reports.append(report)
        answers.append(report["classes"][0])
        _show(report)
        write_page(report, chip, square, maps.pictures(), output / f"{stem}.html")
        console().print(f"page: {place(output / f'{stem}.html')}", soft_wrap=True)
    draw_strip(squares, answers, output / "photographs.jpg")
    write_json(output / "imagenet.json", {"photographs": reports})
    console().print(f"strip of photographs, figures: {place(output)}/photographs.jpg, imagenet.json", soft_wrap=True)
    return 0 if all(report["match"] in (True, None) for report in reports) else 1


def _stems(paths):
    """A name for the page of each photograph, no two alike."""
    found = []
    for path in paths:
        stem, count = in_path(Path(path).stem), 2
        while (name := stem if stem not in found else f"{stem}-{count}") in found:
            count += 1
        found.append(name)
    return found


def _named(scores, exact, names):
    """The chip's five classes and onnxruntime's, with the probabilities that each gives them."""
    ours, theirs = probabilities(scores), probabilities(exact)

    def listed(chosen):
        return [{"class": index, "name": names[index], "probability": float(ours[index]),
                 "float_probability": float(theirs[index])} for index in chosen]

    return {"classes": listed(best(scores)), "float_classes": listed(best(exact)),
            "same_order": best(scores) == best(exact)}


def _show(report):
    out, total = console(), report["totals"]
    order = [entry["class"] for entry in report["float_classes"]]
    rows = [(entry["name"], str(entry["class"]), f"{entry['probability']:.1%}", f"{entry['float_probability']:.1%}",
             str(order.index(entry["class"]) + 1) if entry["class"] in order else "")
            for entry in report["classes"]]
    title = f"{on_terminal(Path(report['photograph']).name)} on {report['chip']}, backend {report['backend']}"
    out.print(counts_table(title, ("it shows", "class", "chip", "onnxruntime", "its place"), rows))
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
