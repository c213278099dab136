"""`eyeriss energy noise`: what analog noise and fewer bits of weights do to the digits' accuracy."""

from compiler.energy.noise import Noise, noisy_outputs
from compiler.onnx.file import load_model
from compiler.onnx.graph import import_graph
from compiler.onnx.quantize import calibrate, quantize
from scripts.examples.digits_data import HELD_OUT, load_digits
from scripts.examples.train_digits import MODEL
from scripts.pages.energy_figures import draw_curves
from scripts.terminal.console import BadInput, bars, check_targets, console, counts_table, place, write_json

__all__ = ["noise"]

CALIBRATED = 256
SEEDS = 3  # whose mean a point is
LEVELS = {
    "fixed": (0, 0.1, 0.2, 0.3, 0.4, 0.6, 1), "rescaled": (0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2),
    "weight_bits": (16, 8, 6, 5, 4, 3, 2),
}
LABELS = {"fixed": "standard deviation of each sum", "rescaled": "standard deviation over a layer's largest sum",
          "weight_bits": "bits of a weight"}


def noise(*, count, output, json_target):
    """Run, print, draw, write."""
    if not 1 <= count <= HELD_OUT:
        raise BadInput(f"--count must be 1 to {HELD_OUT}, the held-out digits, not {count!r}")
    check_targets(json=json_target, folders={"output": output})
    data, network = load_digits(), import_graph(load_model(MODEL))
    seen, _ = calibrate(network, [{"image": data.train[:CALIBRATED]}])
    quantized = quantize(network, seen)

    feeds = {"image": data.held_out[:count]}

    def right(level, kind):
        seeds = range(1, SEEDS + 1) if kind != "weight_bits" and level else [1]
        found = [noisy_outputs(network, quantized, feeds, Noise(**{kind: level}), seed=seed) for seed in seeds]
        hits = [(scores["scores"].argmax(axis=1) == data.held_out_labels[:count]).mean() for scores in found]
        return round(100 * float(sum(hits) / len(hits)), 2)

    points = [(kind, level) for kind, levels in LEVELS.items() for level in levels]
    with bars() as progress:
        rows = [{"kind": kind, "level": level, "right_pct": right(level, kind)}
                for kind, level in progress.track(points, len(points), description="noise")]
    write_json(json_target, {"digits": count, "seeds": SEEDS, "rows": rows})
    for kind in LEVELS:
        own = [row for row in rows if row["kind"] == kind]
        draw_curves({"handwritten digits": ([row["level"] for row in own], [row["right_pct"] for row in own])},
                    (LABELS[kind], "right, %"), output / f"noise-{kind.replace('_', '-')}.svg")
    out = console(stderr=json_target == "-")
    out.print(counts_table(f"{count} digits, means of {SEEDS} runs", ("noise", "level", "right, %"), [
        (row["kind"], f"{row['level']:g}", f"{row['right_pct']:.1f}") for row in rows]))
    out.print(f"pictures: {place(output)}")
