"""What `make run` does, in a folder of its own: python -m bench.makerun FOLDER (HOST and PORT as for `make run`)."""

import ctypes
import pathlib
import signal
import sys
import threading

from dev.run import Output, only_one, supervise
from dev.servers import PR_SET_PDEATHSIG


def main() -> None:
    """Until SIGTERM, or until whoever started it is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    folder = pathlib.Path(sys.argv[1])
    stopping = threading.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: stopping.set())
    with only_one(folder) as lock:
        supervise(folder, lock, stopping, Output())


if __name__ == "__main__":
    main()
