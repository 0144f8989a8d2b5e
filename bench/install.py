"""Install the peers in the folder that BENCH_CACHE names (by default ~/.cache/cerbere-bench).

    .venv/bin/python -m bench.install [keycloak hydra …]

Each is fetched by the ordinary client of its kind (mvn, go, npm, pip), as that is configured on this machine.
"""

import subprocess
import sys

from bench.peers import PEERS, installed_names
from bench.server import CACHE


def main(names: list[str]) -> int:
    """Return how many could not be installed; their modules' docstrings, which are printed, say what they need."""
    CACHE.mkdir(parents=True, exist_ok=True)
    failures = [name for name in names or PEERS if not install(name)]
    for name in failures:
        print(f"{name} is not installed. {PEERS[name].__doc__}")
    return len(failures)


def install(name: str) -> bool:
    try:
        if name not in installed_names():
            PEERS[name].install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{name}: {error}")
    return name in installed_names()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
