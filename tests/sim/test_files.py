"""Files that are whole or not there, targets that are tried, folders of killed builds."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sim.tools import files
from sim.tools.files import check_file, check_folder, locked, scratch_folder, write_file


def test_a_regular_file_is_replaced_whole(tmp_path):
    target = tmp_path / "new" / "a.txt"
    write_file(target, "one\n")
    with target.open() as reader:  # who reads the old one goes on reading it
        write_file(target, b"two\n")
        assert (reader.read(), target.read_text()) == ("one\n", "two\n")
    assert os.listdir(target.parent) == ["a.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    write_file(target, "old")
    monkeypatch.setattr(files.os, "replace", lambda *paths: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_file(target, "new")
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_pipes_and_links_are_written_in_place(tmp_path):
    pipe, link, far = tmp_path / "p", tmp_path / "link", tmp_path / "far" / "a.txt"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    check_file(pipe)
    write_file(pipe, "through")
    reader.join(10)
    assert read == ["through"] and pipe.is_fifo()
    link.symlink_to(far)
    far.parent.mkdir()
    for text in ("one", "two"):  # a link to what is not there yet, and to what is
        check_file(link)
        write_file(link, text)
        assert link.is_symlink() and far.read_text() == text
    write_file("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()


def test_many_processes_write_one_file(tmp_path):
    code = ("import sys; from sim.tools.files import write_file; "
            "[write_file(sys.argv[1], 'x' * 9999) for _ in range(200)]")
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "a"], cwd=files.ROOT) for _ in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert (tmp_path / "a").read_text() == "x" * 9999


@pytest.mark.parametrize("target", ["", ".", "file/x", "file/x/y.txt", "/proc/x", "/proc/x/y", "long" * 100])
def test_targets_that_cannot_be_written(target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        check_file(target)
    if target not in ("", "."):
        with pytest.raises(OSError):
            check_folder(target)
    assert os.listdir(tmp_path) == ["file"]


def test_targets_that_can_be_written(tmp_path):
    check_file(tmp_path / "new/folder/a.txt")
    check_folder(tmp_path / "new/folder")
    assert not os.listdir(tmp_path)


def test_folders_of_killed_builds_go_at_the_next(tmp_path):
    """One that is still being filled stays."""
    code = ("import sys, time; from pathlib import Path; from sim.tools.files import locked, scratch_folder\n"
            "final = Path(sys.argv[1])\n"
            "with locked(final.parent / 'locks' / final.name), scratch_folder(final): time.sleep(60)\n")
    builders = [subprocess.Popen([sys.executable, "-c", code, tmp_path / name], cwd=files.ROOT)
                for name in ("killed", "alive")]
    try:
        for _ in range(600):
            if len(list(tmp_path.glob("tmp-*"))) == 2:
                break
            time.sleep(0.05)
        builders[0].send_signal(signal.SIGKILL)
        builders[0].wait(10)
        (tmp_path / "tmp-of-old").mkdir()
        with locked(tmp_path / "locks" / "mine"), scratch_folder(tmp_path / "mine") as scratch:
            assert {path.name for path in tmp_path.glob("tmp-*")} == {"tmp-alive", scratch.name}
        assert [path.name for path in tmp_path.glob("tmp-*")] == ["tmp-alive"]
    finally:
        for builder in builders:
            builder.kill()


def test_a_checkout_keeps_its_builds_wherever_it_is_called_from(tmp_path):
    code = "from sim.tools.files import BUILD; from sim.tools.runner import BUILD_ROOT; print(BUILD, BUILD_ROOT)"
    printed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
                             env={**os.environ, "PYTHONPATH": str(files.ROOT)}).stdout
    assert printed.split() == [str(files.ROOT / "build"), str(files.ROOT / "build/sim")]
