"""`eyeriss energy fit`: the 65 nm table from AlexNet's measured power, and VGG-16's power predicted with it."""

from compiler.energy.fit import PARAMETERS, PE_AREA, Prediction, fit, fitted_table, predictions
from compiler.energy.table import table_text
from compiler.paper.published import MEASURED
from scripts.terminal.console import check_targets, console, counts_table, write_json
from sim.tools.files import write_file

__all__ = ["fit_table"]


def fit_table(*, table_target, json_target):
    """Fit, print, write."""
    check_targets(table=table_target, json=json_target)
    parameters = fit()
    table = fitted_table(parameters)
    found = predictions(table)
    report = {"parameters_pj": parameters, "leakage_mw": table.leakage_mw,
              "layers": [_row(each) for each in found],
              "clock_shares": [_shared(share) for share in (0.0, 0.5, PE_AREA, 0.9, 1.0)],
              "networks": [_network(name, found) for name in ("alexnet", "vgg16")]}
    write_json(json_target, report)
    if table_target:
        write_file(table_target, table_text(table))
    _show(report, stderr=json_target == "-")


def _row(each: Prediction):
    return {"layer": each.layer, "fitted": each.fitted, "measured_mw": each.measured,
            "predicted_mw": round(each.predicted, 1), "error_pct": round(100 * each.error, 1),
            "gating_saves_pct": round(100 * each.gating_saves, 1),
            "parts_mw": {part: round(value, 1) for part, value in each.parts.items()}}


def _shared(pe_area):
    """How well the fit predicts where the PEs have another share of the clock."""
    found = predictions(fitted_table(fit(pe_area), pe_area))
    seen, unseen = ([100 * abs(each.error) for each in found if each.fitted is fitted] for fitted in (True, False))
    return {"pe_share": round(pe_area, 3), "alexnet_worst_pct": round(max(seen), 1),
            "vgg16_mean_pct": round(sum(unseen) / len(unseen), 1), "vgg16_worst_pct": round(max(unseen), 1)}


def _network(name, found):
    """A network's power: energy over time, layer by layer; mJ and pJ a MAC with it."""
    layers = [each for each in found if each.layer.startswith(f"{name}/")]
    times = [MEASURED[each.layer]["total_ms"] for each in layers]
    frames, macs = (sum(MEASURED[each.layer][column] for each in layers) for column in ("N", "macs_G"))
    frames /= len(layers)

    def figures(powers):
        energy = sum(power * time for power, time in zip(powers, times, strict=True)) / 1e3  # mJ
        return {"mw": round(1e3 * energy / sum(times), 1), "mj_per_frame": round(energy / frames, 3),
                "pj_per_mac": round(energy / macs, 2)}

    errors = [abs(each.error) for each in layers]
    return {"network": name, "measured": figures([each.measured for each in layers]),
            "predicted": figures([each.predicted for each in layers]),
            "mean_error_pct": round(100 * sum(errors) / len(errors), 1),
            "worst_error_pct": round(100 * max(errors), 1)}


def _show(report, *, stderr):
    out = console(stderr)
    out.print(counts_table("pJ, by least squares of AlexNet's relative errors", ("parameter", "pJ", "of"), [
        (name, f"{value:.4g}", PARAMETERS[name]) for name, value in report["parameters_pj"].items()]))
    parts = list(report["layers"][0]["parts_mw"])
    rows = [(row["layer"], f"{row['measured_mw']}", f"{row['predicted_mw']:.1f}", f"{row['error_pct']:+.1f}",
             *(f"{row['parts_mw'][part]:.1f}" for part in parts)) for row in report["layers"]]
    out.print(counts_table("mW: AlexNet fitted, VGG-16 predicted", (
        "layer", "measured", "model", "error %", *parts), rows, optional=tuple(reversed(parts))))
    out.print(counts_table("errors in %, by the PEs' share of the clock", (
        "share", "AlexNet, worst", "VGG-16, mean", "worst"), [
        tuple(f"{value:g}" for value in row.values()) for row in report["clock_shares"]]))
    for network in report["networks"]:
        ours, chip = network["predicted"], network["measured"]
        out.print(f"{network['network']}: {ours['mw']} mW (measured {chip['mw']}), {ours['mj_per_frame']} mJ a frame "
                  f"({chip['mj_per_frame']}), {ours['pj_per_mac']} pJ a MAC ({chip['pj_per_mac']}); error "
                  f"{network['mean_error_pct']} % on average, {network['worst_error_pct']} % at worst")
