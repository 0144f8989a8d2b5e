"""The demo: `python -m cerbere.demo run`, or `manage COMMAND…` to run manage.py's commands on it."""

import os
import subprocess
import sys
from functools import partial

import django
from django.core.management import call_command, execute_from_command_line
from django.db import connections

from cerbere.demo.bnum import phone_entry
from cerbere.demo.environment import ROOT, Demo, current_demo
from cerbere.demo.help_text import welcome
from cerbere.demo.people import NEWCOMER
from cerbere.demo.servers import EndRequest, Server, end_all, refuse_taken_ports, start, start_worker, watch


def run(demo: Demo) -> str:
    """Prepare, start both servers and stay until the end is asked for. Returns what went wrong, or ""."""
    end = EndRequest()
    end.listen()
    refuse_taken_ports(demo.port, demo.piag_port)
    with demo.locked():
        demo.make_secrets()
        fault = prepare(demo)
        return "" if end.asked else fault or serve(demo, end)


def prepare(demo: Demo) -> str:
    """Bring both databases up to date, side by side. Returns what went wrong, or ""."""
    migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0"]
    with subprocess.Popen(migrate, env=demo.piag_environment(), cwd=ROOT, stderr=subprocess.PIPE) as piag:  # noqa: S603
        enter(demo)
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("demo_data")
        connections.close_all()
        _, errors = piag.communicate()
    return f"la base de PIAG ne peut pas être préparée :\n{errors.decode(errors='replace')}" if piag.returncode else ""


def serve(demo: Demo, end: EndRequest) -> str:
    entry = phone_entry(demo.bnum, NEWCOMER.uid)
    servers: list[Server] = []
    try:
        servers.append(start("Cerbère", "cerbere.wsgi", demo.port, demo.cerbere_environment()))
        servers.append(start_worker(demo.cerbere_environment()))
        servers.append(start("PIAG", "piag_gateway.wsgi", demo.piag_port, demo.piag_environment()))
        return watch(servers, end, partial(welcome, demo, demo.read("password") or "", entry))
    finally:
        end_all(servers)


def manage(demo: Demo, arguments: list[str]) -> None:
    if demo.read("password") is None:  # what a start writes last
        raise SystemExit(f"cerbere: la démonstration n’a jamais été démarrée dans {demo.directory} : make run")
    enter(demo)
    execute_from_command_line(["manage.py", *arguments])


def enter(demo: Demo) -> None:
    """From now on this process has Cerbère's environment, and nothing else of the caller's settings."""
    environment = demo.cerbere_environment()
    os.environ.clear()
    os.environ.update(environment)


def main(arguments: list[str]) -> None:
    os.umask(0o077)  # whatever is made here, databases included, is for this account only
    match arguments:
        case ["run"]:
            fault = run(current_demo())
            sys.exit(f"cerbere: {fault}" if fault else 0)
        case ["manage", *command]:
            manage(current_demo(), command)
        case _:
            sys.exit("usage: python -m cerbere.demo run | manage COMMAND…")


if __name__ == "__main__":
    main(sys.argv[1:])
