"""Where graphs are computed: on a cluster, or in this process, one partition after the other."""

from __future__ import annotations

from typing import Any

from dask.base import compute

# A pass that failed because workers were lost is begun again this many times.
RETRIES = 3


class WorkersLost(RuntimeError):
    """Workers that held a part of a pass, or of its data, are gone.

    Attributes
    ----------
    state : estimator or None
        After the last complete pass, if there is one.
    """

    state: Any = None


def client_of(client: Any) -> Any:
    """The given client, else the one that this process or worker has, else None."""
    if client is not None:
        if not (hasattr(client, "compute") and hasattr(client, "scatter")):
            raise ValueError(
                f"client must be a distributed.Client or None, got {client!r}. Pass "
                "distributed.Client(address), or None for the client that is active."
            )
        return client
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


def place(value: Any, client: Any) -> Any:
    """The value where the graph's tasks find it: sent to a worker once, not with each task."""
    if client is None:
        return value
    return client.scatter(value, hash=False)


def run(graph: Any, client: Any) -> Any:
    """The result of a Delayed.

    Raises
    ------
    WorkersLost
        If the engine gave up on it.
    """
    if client is None:
        return compute(graph, scheduler="synchronous")[0]
    from concurrent.futures import CancelledError

    from distributed.scheduler import KilledWorker

    future = client.compute(graph)
    try:
        return future.result()
    except (KilledWorker, CancelledError) as error:
        raise WorkersLost(str(error)) from error
    except BaseException:
        future.cancel()
        raise


def until_done(graph_of_attempt: Any, client: Any) -> Any:
    """The result of ``graph_of_attempt()``, computed again from the start if workers are lost."""
    for attempt in range(RETRIES + 1):
        try:
            return run(graph_of_attempt(), client)
        except WorkersLost:
            if attempt == RETRIES:
                raise
    raise AssertionError
