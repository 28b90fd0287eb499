"""How much slower than alone this machine is just now: what a promise in seconds is multiplied by in a test."""

import os


def noise() -> float:
    """1 on a machine with nothing else to do; the runnable processes per core where others (this suite's own servers,
    a browser, another suite) share it."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
