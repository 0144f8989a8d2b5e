"""The demo's commands: `python -m cerbere.demo run`, and `manage COMMAND…` for manage.py with the demo's settings."""

import os
import subprocess
import sys
from functools import partial

import django
from django.core.management import call_command, execute_from_command_line
from django.db import connections

from cerbere.demo.bnum import get_provisioning_uri
from cerbere.demo.environment import ROOT, Demo, get_current_demo
from cerbere.demo.help_text import print_welcome
from cerbere.demo.people import NEWCOMER
from cerbere.demo.servers import (
    Server,
    StopSignal,
    refuse_taken_ports,
    start_server,
    start_worker,
    stop_servers,
    watch_servers,
)


def run_demo(demo: Demo) -> str:
    """Prepare the databases and run both servers until a signal stops them. Returns what went wrong, or ""."""
    stop = StopSignal()
    stop.listen()
    refuse_taken_ports(demo.port, demo.piag_port)
    with demo.lock():
        demo.create_missing_secrets()
        fault = prepare_databases(demo)
        return "" if stop.is_set else fault or run_servers(demo, stop)


def prepare_databases(demo: Demo) -> str:
    """Migrate both databases side by side and add the demo's data. Returns what went wrong, or ""."""
    migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
    with subprocess.Popen(migrate, env=demo.piag_environment(), cwd=ROOT, stderr=subprocess.PIPE) as piag:  # noqa: S603
        replace_environment(demo)
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("demo_data")
        connections.close_all()
        _, errors = piag.communicate()
    return f"la base de PIAG ne peut pas être préparée :\n{errors.decode(errors='replace')}" if piag.returncode else ""


def run_servers(demo: Demo, stop: StopSignal) -> str:
    """Run the servers until `stop` is set or one of them fails. Returns what went wrong, or ""."""
    phone_entry = get_provisioning_uri(demo.bnum_database, NEWCOMER.uid)
    print_demo_welcome = partial(print_welcome, demo, demo.read_file("password") or "", phone_entry)
    servers: list[Server] = []
    try:
        servers.append(start_server("Cerbère", "cerbere.wsgi", demo.port, demo.cerbere_environment()))
        servers.append(start_worker(demo.cerbere_environment()))
        servers.append(start_server("PIAG", "piag_gateway.wsgi", demo.piag_port, demo.piag_environment()))
        return watch_servers(servers, stop, print_demo_welcome)
    finally:
        stop_servers(servers)


def run_management_command(demo: Demo, arguments: list[str]) -> None:
    """Run manage.py with the demo's settings. Raises SystemExit when the demo has never been started."""
    if demo.read_file("password") is None:  # written by the first start, after the agents
        raise SystemExit(f"cerbere: la démonstration n’a jamais été démarrée dans {demo.directory} : make run")
    replace_environment(demo)
    execute_from_command_line(["manage.py", *arguments])


def replace_environment(demo: Demo) -> None:
    """Give this process Cerbère's environment, without any other setting of the caller."""
    environment = demo.cerbere_environment()
    os.environ.clear()
    os.environ.update(environment)


def main(arguments: list[str]) -> None:
    os.umask(0o077)  # all files of the demo, the databases included, are for this account only
    match arguments:
        case ["run"]:
            fault = run_demo(get_current_demo())
            sys.exit(f"cerbere: {fault}" if fault else 0)
        case ["manage", *command]:
            run_management_command(get_current_demo(), command)
        case _:
            sys.exit("usage: python -m cerbere.demo run | manage COMMAND…")


if __name__ == "__main__":
    main(sys.argv[1:])
