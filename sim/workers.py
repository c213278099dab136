"""Where tasks run: on processes of this machine, or on the workers of a Dask cluster."""

from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

__all__ = ["ClusterError", "executor", "parse_workers"]

CONNECT_SECONDS = 10


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


@contextmanager
def executor(workers: int | str):
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
        pool, close = ProcessPoolExecutor(workers, mp_context=get_context("spawn")), None
    else:
        client = _connect(workers)
        # Not pure: a fresh run is to run again. A task is a whole simulation, so no worker takes two at a time
        # beyond its threads.
        pool, close = client.get_executor(pure=False), client.close
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, **({} if close else {"cancel_futures": True}))
        raise
    else:
        pool.shutdown()
    finally:
        if close:
            close()


def _connect(address):
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--workers with an address needs the package distributed: "
                           "pip install 'eyeriss-generator[cluster]'") from None
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler at {address}: {str(error).splitlines()[0]}") from None
