"""PgBouncer, Debian's, in front of the suite's database."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.servers.programs import end, find_program, free_port

CONFIGURATION = """\
[databases]
pooled = host={HOST} port={PORT} dbname={NAME} user={USER} password={PASSWORD}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
"""


@contextmanager
def running_pgbouncer(directory: Path, database: dict[str, Any], mode: str, size: int) -> Iterator[str]:
    """Pool connections to this database of Django's settings; give the URL of the pool."""
    listen, file = free_port(), directory / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(**database, listen=listen, mode=mode, size=size))
    as_nobody = ["-u", "nobody"] if os.getuid() == 0 else []  # it refuses to run as root
    for folder in (directory, *directory.parents[:3]) if as_nobody else ():
        folder.chmod(folder.stat().st_mode | 0o055)
    process = subprocess.Popen([find_program("pgbouncer"), *as_nobody, str(file)], stderr=subprocess.DEVNULL)
    try:
        url = f"postgresql://cerbere:any@127.0.0.1:{listen}/pooled"
        _wait_until_it_answers(url)
        yield url
    finally:
        end(process)


def _wait_until_it_answers(url: str) -> None:
    for tries_left in reversed(range(200)):
        try:
            psycopg.connect(url, connect_timeout=10).close()
        except psycopg.OperationalError:
            if not tries_left:
                raise
        else:
            return
