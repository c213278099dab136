"""Where tasks run: on processes of this machine, or on the workers of a Dask cluster."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["ClusterError", "executor", "parse_workers"]

CONNECT_SECONDS = 10

T = TypeVar("T")


class ClusterError(Exception):
    """No cluster at the address, or the package that speaks to it is missing; one line."""


def parse_workers(text: str) -> int | str:
    """How many processes, or the address of a Dask scheduler.

    Raises
    ------
    ValueError
    """
    if "://" in text:
        return text
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise ValueError("--workers must be at least 1, or the address of a Dask scheduler such as "
                         f"tcp://host:8786, not {text!r}")
    return count


class _Processes(ProcessPoolExecutor):
    """Its processes leave Ctrl-C, which a terminal sends to all, to this one, which ends them: they say nothing."""

    def submit(self, function: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes begin here, and inherit it
        try:
            return super().submit(_unless_ended, function, *arguments, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_terminated() -> None:
    """In a process of the pool: terminated, it leaves its task, which cleans up after itself, and begins no other."""
    def leave(*_: Any) -> None:
        _ended.append(True)
        sys.exit(1)

    signal.signal(signal.SIGTERM, leave)


_ended: list[bool] = []


def _unless_ended(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    if _ended:
        sys.exit(1)
    return function(*arguments, **options)


@contextmanager
def executor(workers: int | str) -> Iterator[Executor]:
    """An executor of `concurrent.futures`; what was not begun when an exception leaves it never is.

    A task whose worker is lost runs again on another one; three workers lost in it, and it fails.

    Parameters
    ----------
    workers : int or str
        Processes, or the address of a Dask scheduler, whose workers have this tree's packages.

    Raises
    ------
    ClusterError
    """
    if isinstance(workers, int):
        pool, close = _Processes(workers, mp_context=multiprocessing.get_context("spawn"),
                                 initializer=_end_when_terminated), None
    else:
        client = _connect(workers)
        # Not pure: a fresh run is to run again. A task is a whole simulation, so no worker takes two at a time
        # beyond its threads.
        pool, close = client.get_executor(pure=False), client.close
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, **({} if close else {"cancel_futures": True}))
        if not close:
            for process in multiprocessing.active_children():
                process.terminate()
        raise
    else:
        pool.shutdown()
    finally:
        if close:
            close()


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--workers with an address needs the package distributed: "
                           "pip install 'eyeriss-generator[cluster]'") from None
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler at {address}: {str(error).splitlines()[0]}") from None
