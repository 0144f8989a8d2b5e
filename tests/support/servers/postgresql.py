"""A private PostgreSQL for the suite, in a directory of its own that goes away with it.

    python -m tests.support.servers.postgresql -- COMMAND…

starts it, runs COMMAND with CERBERE_DATABASE_URL, stops it and ends with COMMAND's status. Ctrl-C is left to
COMMAND, which the terminal tells too; SIGTERM and SIGHUP become a SIGINT for it, so that tests put away what
they started.

It listens on a free loopback port, with a password of its own: other accounts of the machine stay out.
PostgreSQL refuses to run as root; root runs it as `postgres`, or `nobody` where that account does not exist.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.support.servers.programs import UnavailableError, free_port

NAME = "cerbere"  # of the database and of its owner
SPEED = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # a crash loses nothing that we keep
MAX_CONNECTIONS = 200  # races open sixteen at a time, and each pytest worker keeps one for each of its threads
START_TIMEOUT = 60  # seconds
PORTS_TRIED = 3  # another program may take the free port before PostgreSQL does


@dataclass(frozen=True)
class Server:
    """A running cluster. `url` opens its database `cerbere` as a superuser."""

    binaries: Path
    directory: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}:{self.password}@127.0.0.1:{self.port}/{NAME}"

    def stop(self) -> None:
        """Stop the cluster at once and remove its directory; harmless when it does not run any more."""
        _run(self.binaries / "pg_ctl", "stop", "-D", self.directory / "data", "-m", "immediate", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


def start(options: str = SPEED) -> Server:
    """Return a new cluster that accepts connections, with these server options. Raises Unavailable."""
    binaries = find_binaries()
    directory = _private_directory()
    password = secrets.token_urlsafe(16)
    try:
        _create(binaries, directory, password)
        port = _launch(binaries, directory, options)
        _run(binaries / "createdb", "-h", directory, "-p", port, "-U", NAME, NAME)
    except BaseException:
        Server(binaries, directory, 0, password).stop()
        raise
    return Server(binaries, directory, port, password)


def find_binaries(root: Path = Path("/usr/lib/postgresql")) -> Path:
    """Return the directory of the newest server's programs, where Debian puts them or on the PATH."""
    versions = sorted(root.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise UnavailableError("PostgreSQL's server programs are missing: apt-get install postgresql")
    return Path(found).resolve().parent


def _private_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="cerbere-postgresql-"))
    account = _account()
    if account:
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def _account() -> pwd.struct_passwd | None:
    """Return the user to run PostgreSQL as, None for our own."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _create(binaries: Path, directory: Path, password: str) -> None:
    """Create the cluster: its socket is in a directory of mode 0700, its port needs the password."""
    secret = directory / "password"
    secret.write_text(password)
    secret.chmod(0o644)  # in a directory that nobody else may enter
    access = ("-U", NAME, f"--pwfile={secret}", "--auth-local=trust", "--auth-host=scram-sha-256")
    form = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    _run(binaries / "initdb", "-D", directory / "data", *access, *form)


def _launch(binaries: Path, directory: Path, more_options: str) -> int:
    log = directory / "log"
    for _ in range(PORTS_TRIED):
        port = free_port()
        options = f"-h 127.0.0.1 -p {port} -k {directory} -N {MAX_CONNECTIONS} {more_options}"
        command = ("start", "-w", "-t", START_TIMEOUT, "-D", directory / "data", "-l", log, "-o", options)
        if _run(binaries / "pg_ctl", *command, check=False).returncode == 0:
            return port
    raise UnavailableError(f"PostgreSQL does not start:\n{log.read_text()}")


def _run(*command: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    account = _account()
    result = subprocess.run(
        [str(word) for word in command],
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if check and result.returncode != 0:
        raise UnavailableError(f"{command[0]} failed:\n{result.stdout}{result.stderr}")
    return result


def run(command: list[str]) -> int:
    """Run the command with a cluster of its own; return its status, or 128 + the signal that ended it."""
    _on_end_signals(_leave)
    server = start()
    try:
        signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the command would inherit
        child = subprocess.Popen(command, env={**os.environ, "CERBERE_DATABASE_URL": server.url})
        _on_end_signals(lambda *_: child.send_signal(signal.SIGINT))
        status = child.wait()
    finally:
        server.stop()
    return status if status >= 0 else 128 - status


def _on_end_signals(act: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, act)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["--"] or not arguments[1:]:
        print("usage: python -m tests.support.servers.postgresql -- COMMAND…", file=sys.stderr)
        return 2
    try:
        return run(arguments[1:])
    except (UnavailableError, FileNotFoundError) as error:
        print(f"tests.support.servers.postgresql: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
