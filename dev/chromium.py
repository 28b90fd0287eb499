"""The browser of the tests: a Chromium already there, or Debian's.

python -m dev.chromium      installs it with apt when it is missing and this is root on Debian or Ubuntu
"""

import os
import pathlib
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "apt install chromium, or CHROMIUM=/path/to/chromium"


def find() -> str | None:
    """The path of a Chromium: CHROMIUM when set, else the usual names; None when there is none."""
    wanted = os.environ.get("CHROMIUM")
    if wanted:
        return wanted if pathlib.Path(wanted).is_file() else None
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> None:
    """Install Debian's Chromium where that is possible. What goes wrong is left to the tests to report."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None or os.environ.get("CHROMIUM"):
        return
    print("Installing Chromium for the browser tests (apt-get)…", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            print(f"apt-get {command[0]} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
            return


if __name__ == "__main__":
    if find() is None:
        install()
    sys.exit(0)
