"""How much slower than alone this machine is just now: what a promise in seconds is multiplied by in a test."""

import os
import time


def noise() -> float:
    """2 on a machine with nothing else to do, for what no figure tells; more where others (this suite's own servers, a
    browser, another suite) share it: the runnable processes per core, or how long a processor is waited for now."""
    began, spent = time.perf_counter(), time.process_time()
    while (mine := time.process_time() - spent) < 0.05:
        pass
    return 2 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1), (time.perf_counter() - began) / mine)
