"""Files and folders that are whole or not there, and where a checkout keeps what it makes."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BUILD", "ROOT", "check_file", "check_folder", "locked", "scratch_folder", "write_file"]

ROOT = Path(__file__).resolve().parents[2]
#: Builds, kept results and pages of a checkout, wherever a command is called from; of an installed package, here.
BUILD = (ROOT if (ROOT / "pyproject.toml").exists() else Path.cwd()) / "build"


def write_file(path: Path | str, data: str | bytes) -> None:
    """Write a result: a regular file whole or not at all, a pipe, a link's target or a device in place.

    Parameters
    ----------
    path : Path
        Its folder is made where missing.
    data : str or bytes

    Raises
    ------
    OSError
    """
    path, data = Path(path), data.encode() if isinstance(data, str) else data
    before = path.stat() if path.exists() else None
    if before and not stat.S_ISREG(before.st_mode):
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))  # a link stays, what it leads to is written
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(scratch, stat.S_IMODE(before.st_mode) if before else 0o666 & ~_umask())
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def _umask() -> int:
    mask = os.umask(0o022)  # there is no other way to read it
    os.umask(mask)
    return mask


def check_file(path: Path | str) -> None:
    """Try whether `write_file` could write there, and leave nothing behind.

    Raises
    ------
    OSError
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(21, "it is a directory", str(path))
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "no permission to write to it", str(path))
        return
    check_folder(Path(os.path.realpath(path)).parent)


def check_folder(path: Path | str) -> None:
    """Try whether files can be written in a folder, or in one that would be made, and leave nothing behind.

    Raises
    ------
    OSError
    """
    folder = Path(path).absolute()
    while True:
        try:
            os.lstat(folder)
            break
        except (FileNotFoundError, NotADirectoryError):
            folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(20, f"{folder} is no directory", str(path))
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, and wait for it while another process does."""
    # Never deleted: a lock file that is removed can be held twice.
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def scratch_folder(final: Path) -> Iterator[Path]:
    """A folder `tmp-NAME` beside `final`, for what is made under the lock `locks/NAME` and then renamed.

    It goes when the context ends. A process that is killed leaves its own behind: those of `final`'s neighbours
    whose locks nobody holds are removed first.
    """
    locks = final.parent / "locks"
    for folder in final.parent.glob("tmp-*"):
        with (locks / folder.name.removeprefix("tmp-")).open("w") as lock, contextlib.suppress(BlockingIOError):
            if folder.name != f"tmp-{final.name}":
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    scratch = final.with_name(f"tmp-{final.name}")
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
