"""Every output path of every command is tried before any work, and results go where they are asked for."""

import json
import os
import threading
import zipfile

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.network import models

LAYER = ["--shape", "M=4,C=2,H=6,W=6,R=3", "--chip", "mini"]
RUN = ["run", "model.onnx", "--input", "x.npy", "--chip", "mini"]

# command, the option for its output, a target below a file
TARGETS = [
    (["simulate", *LAYER], "--json", "file/x.json"),
    (["compile", *LAYER], "--output", "file/x"),
    (["simulate", *LAYER], "--save", "file/x"),
    (["simulate", *LAYER], "--waves", "file/x.fst"),
    (["simulate", *LAYER], "--trace", "file/x.json"),
    (["map", *LAYER], "--json", "file/x.json"),
    (["map", *LAYER], "--picture", "file/x.png"),
    (["benchmark", "alexnet"], "--json", "file/x.json"),
    (["benchmark", "alexnet"], "--page", "file/x.html"),
    (["benchmark", "alexnet"], "--trace", "file/x.json"),
    (["calibrate", "--chip", "mini"], "--json", "file/x.json"),
    (["asic", "--chip", "mini", "--no-timing"], "--json", "file/x.json"),
    (["asic", "--chip", "mini", "--no-timing"], "--output", "file/x"),
    (RUN, "--json", "file/x.json"),
    (RUN, "--page", "file/x.html"),
    (RUN, "--output", "file/x.npy"),
    ([*RUN, "--backend", "both"], "--trace", "file/x.json"),
    (["plan", "model.onnx"], "--json", "file/x.json"),
    (["plan", "model.onnx"], "--page", "file/x.html"),
    (["digits"], "--output", "file/x"),
    (["demo"], "--output", "file/x"),
    (["generate", "--chip", "mini"], "--output", "file/x"),
    (["fpga", "build", "--rows", "2", "--cols", "2"], "--output", "file/x"),
    (["fpga", "build", "--rows", "2", "--cols", "2"], "--json", "file/x.json"),
    (["fpga", "run", "--port", "none", *LAYER], "--json", "file/x.json"),
    (["fpga", "run", "--port", "none", *LAYER], "--save", "file/x"),
]


@pytest.fixture
def folder(tmp_path):
    onnx.save(models.conv((6, 4, 3, 3)), tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", models.features(1, 4, 9, 11))
    (tmp_path / "file").write_text("a file")
    return tmp_path


@pytest.mark.parametrize("command, option, target", TARGETS, ids=lambda value: " ".join([*value, ""][:2]).strip()
                         if isinstance(value, list) else value)
def test_targets_are_tried_before_any_work(eyeriss, folder, command, option, target, monkeypatch):
    """Below a file; and in a folder where nothing can be written."""
    before = sorted(folder.rglob("*"))
    for where in (target, target.replace("file", "/proc/x")):
        status, out, err = eyeriss(*command, option, where)
        assert (status, out) == (2, "")
        assert err.startswith(f"eyeriss: {option} must be a ") and f" that can be written, not {where}" in err
        assert err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("arguments, message", [
    (["map", *LAYER, "--picture", "a.txt"], "--picture must end in .png, .svg, .pdf, not a.txt"),
    ([*RUN, "--output", "y.txt"], "--output must end in .npy or .npz, not y.txt"),
    (["calibrate", "--count", "0"], "--count must be at least 1, not 0"),
    ([*RUN, "--json", "same", "--page", "same"], "--json and --page must be different files, not both same"),
    (["plan", "model.onnx", "--page", "p.html", "--no-page"], "one of --page and --no-page must be given, not both"),
])
def test_refused_in_one_line(eyeriss, folder, arguments, message):
    before = sorted(folder.rglob("*"))
    assert eyeriss(*arguments) == (2, "", f"eyeriss: {message}\n")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", [["simulate", *LAYER], RUN, ["plan", "model.onnx"], ["demo"], ["digits"],
                                     ["benchmark", "alexnet"], ["calibrate"]], ids=lambda command: command[0])
def test_a_file_named_build(eyeriss, folder, monkeypatch, command):
    """In the place of the checkout's folder."""
    for module in {__import__(f"scripts.{name}", fromlist=["BUILD"]) for name in (
            "terminal.console", "commands.simulate", "commands.network.run", "commands.network.plan",
            "commands.photo_layer", "commands.network.digits", "commands.benchmark", "commands.calibrate")}:
        monkeypatch.setattr(module, "BUILD", folder / "file")
    status, out, err = eyeriss(*command, *(["--output", "out"] if command[0] in ("demo", "digits") else []))
    assert (status, out) == (2, "") and err.count("\n") == 1, err
    assert "that can be written, not" in err and "is no directory" in err


def test_results_through_a_pipe_and_a_link(eyeriss, folder):
    pipe, link = folder / "pipe", folder / "link.json"
    os.mkfifo(pipe)
    link.symlink_to("real.json")
    read = []
    reader = threading.Thread(target=lambda: read.append(json.loads(pipe.read_text())))
    reader.start()
    assert eyeriss("map", *LAYER, "--json", "pipe")[0] == 0
    reader.join(30)
    assert read[0]["chip"] == "mini" and pipe.is_fifo()
    assert eyeriss("map", *LAYER, "--json", "link.json")[0] == 0
    assert link.is_symlink() and json.loads((folder / "real.json").read_text()) == read[0]


def test_outputs_of_any_name_are_saved(eyeriss, folder):
    nodes = [helper.make_node("Conv", ["x", "w"], ["file"]), helper.make_node("Relu", ["file"], ["a/b"])]
    onnx.save(models.build(nodes, {"w": models.features(6, 4, 3, 3)}, outputs=("file", "a/b")), folder / "model.onnx")
    status, _, err = eyeriss(*RUN, "--output", "y.npz", "--no-page")
    assert status == 0, err
    with np.load(folder / "y.npz") as saved:
        assert set(saved.files) == {"file", "a/b"} and saved["file"].shape == (1, 6, 7, 9)
    assert zipfile.ZipFile(folder / "y.npz").testzip() is None


def test_models_of_one_name_have_pages_of_their_own(eyeriss, folder, monkeypatch):
    pages = set()
    for name in ("a", "b"):
        (folder / name).mkdir()
        onnx.save(models.conv((6, 4, 3, 3)), folder / name / "model.onnx")
        status, out, err = eyeriss("plan", f"{name}/model.onnx", "--shape", "1x4x9x11", "--chip", "mini")
        assert status == 0, err
        pages.add(out.rsplit("page: ", 1)[1].strip())
    assert len(pages) == 2 and all(os.path.exists(page) for page in pages)
    for page in pages:
        os.remove(page)


def test_no_page(eyeriss, folder, monkeypatch):
    monkeypatch.setattr("scripts.commands.network.plan.write_page", lambda *arguments: 1 / 0)
    status, out, _ = eyeriss("plan", "model.onnx", "--chip", "mini", "--no-page")
    assert status == 0 and "page:" not in out
