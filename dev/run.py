"""The supervisor behind `make run`: an embedded Valkey, the migrations, the demo data, then the Procfile's processes.

Everything it writes goes under instance/, which is kept from one run to the next. Whatever stops the start is one
plain line and exit code 1. A process that dies is started again; one that keeps dying at once stops everything.
"""

import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import IO, Any

import redis
import sqlalchemy

from dev.processes import ROOT, Child, environment, procfile, stop_all
from dev.servers import PR_SET_PDEATHSIG, ServerUnavailable, Valkey

PROCESSES = ("web", "worker", "clock")
READY_SECONDS = 60
EARLY_DEATH_SECONDS = 5  # a process that lived less than this "died at once"
EARLY_DEATHS_ALLOWED = 5
COLOURS = {"web": "36", "worker": "32", "clock": "35", "valkey": "33", "rdv": "1"}


class Refused(Exception):
    """Why the site can't start or go on: one line, told to the person who typed `make run`."""


class Output:
    """Lines of every process on one standard output, each after the name of who said it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._colour = sys.stdout.isatty()

    def line(self, name: str, text: str) -> None:
        """Print one line."""
        label = f"{name:<7}|"
        if self._colour:
            label = f"\033[{COLOURS.get(name, '0')}m{label}\033[0m"
        with self._lock, contextlib.suppress(BrokenPipeError):
            print(label, text, flush=True)

    def follow(self, name: str, stream: IO[bytes]) -> None:
        """Print the stream's lines as they come, until it closes."""

        def copy() -> None:
            for raw in stream:
                self.line(name, raw.decode(errors="replace").rstrip())

        threading.Thread(target=copy, daemon=True).start()


def check_listening(env: dict[str, str]) -> tuple[str, int]:
    """HOST and PORT, once sure that they can be listened on."""
    host, wanted = env["HOST"], env["PORT"]
    if not wanted.isdigit() or not 0 < int(wanted) < 65536:
        raise Refused(f"PORT={wanted!r} : il faut un nombre entre 1 et 65535.")
    port = int(wanted)
    if env["MODE"] == "demo" and not is_loopback(host) and env.get("DEMO_PUBLIC") != "1":
        raise Refused(f"HOST={host} montrerait la démonstration au réseau : ajoutez DEMO_PUBLIC=1 si c’est voulu.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise Refused(f"HOST={host} n’est pas une adresse de cette machine.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Refused(
                    f"Le port {port} est déjà pris : choisissez-en un autre, par exemple PORT={port + 1} make run."
                ) from None
            raise Refused(f"Impossible d’écouter sur {host}:{port} : {error.strerror}.") from None
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_database(address: str) -> None:
    """Refuse a DATABASE_URL that is not one, or a server that does not answer."""
    try:
        url = sqlalchemy.make_url(address.replace("postgres://", "postgresql://", 1))
    except sqlalchemy.exc.ArgumentError:
        raise Refused("DATABASE_URL est illisible. Exemple : postgresql://utilisateur:motdepasse@hote/base.") from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        folder = pathlib.Path(url.database or "").resolve().parent
        if not url.database or url.database == ":memory:":
            raise Refused("DATABASE_URL : SQLite a besoin d’un fichier (les processus le partagent).")
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise Refused(f"DATABASE_URL : le dossier {folder} n’existe pas ou n’est pas accessible en écriture.")
    elif kind == "postgresql":
        engine = sqlalchemy.create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5}, poolclass=sqlalchemy.NullPool
        )
        try:
            engine.connect().close()
        except sqlalchemy.exc.DBAPIError as error:
            reason = (str(error.orig).strip().splitlines() or ["no reason given"])[0]
            raise Refused(f"DATABASE_URL : la base de données ne répond pas ({reason}).") from None
    else:
        raise Refused(f"DATABASE_URL : « {kind} » n’est pas géré ; choisissez sqlite ou postgresql.")


def check_redis(address: str) -> None:
    """Refuse a REDIS_URL that is not one, or a server that does not answer."""
    try:
        with redis.Redis.from_url(address, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
    except ValueError:
        raise Refused("REDIS_URL est illisible. Exemple : redis://hote:6379/0.") from None
    except redis.RedisError as error:
        raise Refused(f"REDIS_URL : le serveur ne répond pas ({str(error).splitlines()[0]}).") from None


def secret(folder: pathlib.Path, name: str) -> str:
    """A key generated once and kept in the instance folder, readable by its owner only."""
    path = folder / name.lower()
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    kept = path.read_text().strip()
    if not kept:
        raise Refused(f"{path} est vide : supprimez ce fichier et relancez.")
    return kept


@contextlib.contextmanager
def only_one(folder: pathlib.Path) -> Iterator[int]:
    """Hold the instance folder. Every process gets its descriptor: they outlive a killed supervisor a little."""
    with (folder / "lock").open("w") as file:
        deadline = time.monotonic() + 4
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused(f"Un autre « make run » utilise déjà {folder} : arrêtez-le d’abord.") from None
                time.sleep(0.2)
        yield file.fileno()


def settings(folder: pathlib.Path) -> dict[str, str]:
    """The environment of every process: what the person set, and the defaults of a demo."""
    given = {name: value for name, value in os.environ.items() if value}
    values = {
        "MODE": given.get("MODE", "demo"),
        "HOST": given.get("HOST", "127.0.0.1"),
        "PORT": given.get("PORT", "5000"),
        "DATABASE_URL": given.get("DATABASE_URL", f"sqlite:///{folder / 'rdv.sqlite3'}"),
    }
    if values["MODE"] == "demo":
        for name in ("SECRET_KEY", "LINK_KEY"):
            values[name] = given.get(name) or secret(folder, name)
    if "PUBLIC_URL" not in given:
        values["PUBLIC_URL"] = address(values["HOST"], values["PORT"])
    return environment(values)


def address(host: str, port: int | str) -> str:
    """The address a browser of this machine opens."""
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def finish(command: str, env: dict[str, str]) -> str:
    """Run a command to its end and answer its output; Refused with its last line when it fails."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=ROOT,
        env=env,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        if "Traceback" in done.stderr:  # a fault of the code, not of the settings: the developer needs all of it
            print(done.stderr, file=sys.stderr)
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise Refused(
            re.sub(r"^(Error|rdv-collectifs\s?): ", "", said[-1])
            if said
            else f"« {command} » a échoué (code {done.returncode})."
        )
    return done.stdout


class Supervisor:
    """Starts the processes, starts again those that die, stops them all."""

    def __init__(self, env: dict[str, str], valkey: Valkey | None, output: Output, lock: int) -> None:
        self.env = env
        self.lock = lock
        self.valkey = valkey
        self.output = output
        self.commands = {name: command for name, command in procfile().items() if name in PROCESSES}
        self.children: dict[str, Child] = {}
        self.early_deaths = dict.fromkeys([*self.commands, "valkey"], 0)
        self.restart_at: dict[str, float] = {}
        self.valkey_started = time.monotonic()
        self.stopping = threading.Event()

    def start(self, name: str) -> None:
        """Start one process of the Procfile and follow what it says."""
        child = Child(name, self.commands[name], self.env, subprocess.PIPE, keep=[self.lock])
        self.children[name] = child
        if child.process.stdout is not None:
            self.output.follow(name, child.process.stdout)

    def look(self) -> None:
        """One round: notice who died, start again who is due. Refused when one keeps dying at once."""
        if self.valkey and not self.valkey.alive():
            self._died("valkey", time.monotonic() - self.valkey_started)
            self.valkey.start()
            self.valkey_started = time.monotonic()
        for name, child in self.children.items():
            if not child.alive() and name not in self.restart_at:
                delay = self._died(name, child.age(), child.process.returncode)
                self.restart_at[name] = time.monotonic() + delay
        for name in [name for name, moment in self.restart_at.items() if time.monotonic() >= moment]:
            del self.restart_at[name]
            self.start(name)

    def _died(self, name: str, age: float, code: int | None = None) -> float:
        """Count a death and answer how many seconds to wait before the next start."""
        early = age < EARLY_DEATH_SECONDS
        self.early_deaths[name] = self.early_deaths[name] + 1 if early else 0
        if self.early_deaths[name] >= EARLY_DEATHS_ALLOWED:
            raise Refused(
                f"{name} s’est arrêté {EARLY_DEATHS_ALLOWED} fois de suite juste après son démarrage : voyez ci-dessus."
            )
        delay = min(0.25 * 2 ** self.early_deaths[name], 5.0)
        why = "" if code is None else f" (code {code})"
        self.output.line("rdv", f"{name} s’est arrêté{why}, il redémarre")
        return delay

    def run_until_stopped(self, until: float | None = None, ready: str | None = None) -> bool:
        """Look after the processes until asked to stop, or until `ready` answers (False past `until`)."""
        while not self.stopping.wait(0.1 if ready else 0.5):
            self.look()
            if ready and answers(ready):
                return True
            if until is not None and time.monotonic() > until:
                return False
        return True


def answers(url: str) -> bool:
    """Whether the address answers 200."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def load_demo(env: dict[str, str]) -> dict[str, Any]:
    """Load the demo data the first time; answer the logins each time."""
    said = finish("flask --app wsgi demo --if-empty --json", env)
    try:
        found: dict[str, Any] = json.loads(said)
    except json.JSONDecodeError:
        raise Refused("« flask demo --json » n’a pas répondu en JSON.") from None
    return found


def welcome(output: Output, site: str, demo: dict[str, Any] | None) -> None:
    """Say where the site is and, in demo, who can log in."""
    output.line("rdv", f"Le site est prêt : {site}/")
    if demo:
        output.line("rdv", f"Connexion des agents : {site}/agent/connexion")
        for agent in demo["agents"]:
            presets = ", ".join(agent["presets"])
            known = agent["mot_de_passe"]
            secret = f"mot de passe : {known}" if known else "mot de passe changé depuis"
            output.line("rdv", f"  {agent['courriel']}  {secret}  ({presets})")
        output.line("rdv", f"SMS et courriels de la démonstration : {site}/demo/messages")
    output.line("rdv", "Ctrl-C arrête tout.")


def supervise(folder: pathlib.Path, lock: int, stopping: threading.Event, output: Output) -> None:
    """From the checks to the last process stopped."""
    env = settings(folder)
    host, port = check_listening(env)
    check_database(env["DATABASE_URL"])
    with contextlib.ExitStack() as stack:
        valkey = None
        if env.get("REDIS_URL"):
            check_redis(env["REDIS_URL"])
        else:
            valkey = stack.enter_context(Valkey(folder / "valkey", keep=[lock]))
            env["REDIS_URL"] = valkey.url
        finish(procfile()["release"], env)
        demo = load_demo(env) if env["MODE"] == "demo" else None
        if stopping.is_set():
            return
        supervisor = Supervisor(env, valkey, output, lock)
        supervisor.stopping = stopping
        try:
            for name in supervisor.commands:
                supervisor.start(name)
            site = address(host, port)
            if not supervisor.run_until_stopped(time.monotonic() + READY_SECONDS, f"{site}/healthz"):
                raise Refused(f"{site}/healthz ne répond pas après {READY_SECONDS} s.")
            if not stopping.is_set():
                welcome(output, site, demo)
            supervisor.run_until_stopped()
        finally:
            output.line("rdv", "arrêt…")
            stop_all(list(supervisor.children.values()))


def main() -> int:
    """Run the site until Ctrl-C: 0 when it was asked to stop, 1 with one plain line when it could not go on."""
    if os.environ.get("MAKELEVEL"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # a killed `make` takes its site with it
    stopping = threading.Event()
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: stopping.set())
    folder = ROOT / "instance"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with only_one(folder) as lock:
            supervise(folder, lock, stopping, Output())
    except (Refused, ServerUnavailable) as refusal:
        if stopping.is_set():
            return 0
        print(f"rdv-collectifs : {refusal}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
