"""Install the dependencies of pyproject.toml at the versions of requirements.lock, and the local copy of htmx.

    python -m dev.install [test] [dev]

Runs before anything is installed: standard library only.
"""

import base64
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENDOR = ROOT / "webapp" / "static" / "vendor"
HTMX = "htmx.org@4.0.1"
HTMX_CDN = f"https://cdn.jsdelivr.net/npm/{HTMX}"
HTMX_FILES = {
    "dist/htmx.min.js": "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
    "dist/ext/hx-sse.min.js": "sha384-v8HvucQ+ohQhMg0arboXc5049yNR46QKMjphs7YDch+Wm7zpfK5XVS01f26mQDJV",
}


def requirements(extras: list[str]) -> list[str]:
    """The project's dependencies, then those of each extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


def install_dependencies(extras: list[str]) -> int:
    """Install with uv when it is on the PATH, else with pip; both take the lock file as constraints."""
    uv = shutil.which("uv")
    # Compiled now, as pip does by itself: else each process compiles them all again where nothing may be written later.
    by_uv = [uv, "pip", "install", "--compile-bytecode", "--python", sys.executable] if uv else []
    command = by_uv or [sys.executable, "-m", "pip", "install"]
    print(f"Installing {' + '.join(['dependencies', *extras])} with {'uv' if uv else 'pip'}…", flush=True)
    return subprocess.run([*command, "--quiet", "-c", "requirements.lock", *requirements(extras)], cwd=ROOT).returncode


def verified(content: bytes, integrity: str) -> bool:
    """Whether the content has that Subresource Integrity hash (sha384)."""
    return integrity == "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def from_cdn() -> Iterator[tuple[str, bytes]]:
    """The files as the CDN serves them. OSError when it can't be reached."""
    for path in HTMX_FILES:
        with urllib.request.urlopen(f"{HTMX_CDN}/{path}", timeout=10) as answer:
            yield path, answer.read()


def from_npm() -> Iterator[tuple[str, bytes]]:
    """The files of the npm package. OSError when npm is missing or its registry can't be reached."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run([npm, "pack", "--silent", HTMX], cwd=folder, check=True, capture_output=True, timeout=60)
        except subprocess.SubprocessError as error:
            raise OSError("npm pack failed") from error
        [archive] = pathlib.Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            for path in HTMX_FILES:
                member = package.extractfile(f"package/{path}")
                if member is None:
                    raise FileNotFoundError(path)
                yield path, member.read()


def present() -> bool:
    """Whether both files are there, with the right content."""
    files = [(VENDOR / pathlib.PurePath(path).name, integrity) for path, integrity in HTMX_FILES.items()]
    return all(file.is_file() and verified(file.read_bytes(), integrity) for file, integrity in files)


def install_htmx() -> bool:
    """Put htmx and its SSE extension in webapp/static/vendor/; False when neither the CDN nor npm gave them."""
    if present():
        return True
    for source in (from_cdn, from_npm):
        try:
            found = dict(source())
        except (OSError, KeyError, ValueError, tarfile.TarError):
            continue
        if all(verified(content, HTMX_FILES[path]) for path, content in found.items()):
            VENDOR.mkdir(parents=True, exist_ok=True)
            for path, content in found.items():
                (VENDOR / pathlib.PurePath(path).name).write_bytes(content)
            return True
    return False


def main() -> int:
    """Install everything; a missing local htmx is said and is not an error: pages then use the CDN alone."""
    status = install_dependencies(sys.argv[1:])
    if status == 0 and not install_htmx():
        print("htmx has no local copy (neither the CDN nor npm gave it): pages will use the CDN alone.")
    return status


if __name__ == "__main__":
    sys.exit(main())
