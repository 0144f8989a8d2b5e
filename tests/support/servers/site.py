"""Cerbère as it runs in production: a real granian on a PostgreSQL of its own, and agents in front of it."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psycopg
import requests

from tests.support.paths import ROOT
from tests.support.people import PASSWORD
from tests.support.servers import postgresql
from tests.support.servers.programs import free_port

PATIENCE = 5  # seconds: the longest answer of a fault
TIMES = 20  # that the workers are killed during one kind of act
PEOPLE = f"""
from django.db import connections
from tests.support import people
connections["bnum"].cursor().execute(people.DYNALOGIN)
people.make_client()
for n in range({TIMES} + 2):
    people.make_agent(f"enrol.n{{n}}")
    people.put_on_bnum(f"enrol.n{{n}}")
    people.activate_otp_mel(people.make_agent(f"verify.n{{n}}"))
"""


def environment(database, **more):
    """Return Cerbère's environment as an operator would give it: the suite's keys, this database."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("CERBERE_") or name == "PATH"}
    return {**kept, "CERBERE_DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "cerbere.settings", **more}


class Site:
    """A real granian on a PostgreSQL of its own, that can be stopped and started again."""

    def __init__(self, *options, **more):
        """Start the site: `options` are granian's, `more` are settings, with {database} for the database's URL."""
        self.database = postgresql.start()
        self.pg_ctl("stop", "-m", "fast")
        self.start_database()  # without the suite's options for speed: what is confirmed must survive a crash
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = environment(
            self.database.url, CERBERE_PUBLIC_URL=self.url, DJANGO_SETTINGS_MODULE="cerbere.settings",
            **{name: value.format(database=self.database.url) for name, value in more.items()},
        )  # fmt: skip
        self.manage("migrate", "--verbosity=0")
        make = f"from tests.support.people import make_agent; make_agent('camille.durand', {PASSWORD!r})"
        self.manage("shell", "-v0", "-c", make)
        self.options = [f"--port={self.port}", *options]
        self.start()

    def start(self):
        command = [sys.executable, "-m", "cerbere.serve", "cerbere.wsgi", *self.options]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=null, stderr=null)
        self.wait_for("/readyz", 200)

    def manage(self, *words):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, check=True, capture_output=True)

    def wait_for(self, address, status):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if requests.get(self.url + address, timeout=PATIENCE).status_code == status:
                    return
            except requests.ConnectionError:
                pass
        raise AssertionError(f"{address} never answered {status}")

    def pg_ctl(self, *words):
        postgresql._run(self.database.binaries / "pg_ctl", *words, "-D", self.database.directory / "data")

    def crash_database(self):
        self.pg_ctl("stop", "-m", "immediate")

    def start_database(self):
        options = f"-h 127.0.0.1 -p {self.database.port} -k {self.database.directory}"
        self.pg_ctl("start", "-w", "-l", self.database.directory / "log", "-o", options)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.database.stop()


class DoomedSite(Site):
    """Two workers that the master forks again at once: what is tested is the death, not the start."""

    def __init__(self):
        super().__init__(CERBERE_MELOTP_DATABASE_URL="{database}")
        self.manage("shell", "-v0", "-c", PEOPLE)

    def workers(self):
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def kill_workers(self):
        """Kill all workers, for any of them may handle the request."""
        pids = self.workers()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        while any(Path("/proc", pid).exists() for pid in pids):  # one that is dying still takes connections
            time.sleep(0.001)
        self.wait_for_workers()

    def wait_for_workers(self):
        """Wait for workers; restart granian, as a container would, if it has ended because they died too fast."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and len(self.workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        if self.process.returncode is not None:
            assert self.process.returncode == 1
            self.start()
        self.wait_for("/healthz", 200)  # each worker has a listener of its own, opened after its birth

    def sql(self, statement, *values):
        with psycopg.connect(self.database.url) as database:
            return database.execute(statement, values).fetchall()


class Agent(requests.Session):
    """Signed in with the password, in a browser that keeps what reaches it."""

    def __init__(self, site, uid):
        super().__init__()
        self.site, self.uid = site, uid
        self.headers["Connection"] = "close"  # a worker that ends would wait for the next request
        sent = self.form("/connexion/", username=uid, password=PASSWORD)()
        assert sent.status_code == 303

    def ask(self, address, **options):
        return self.get(self.site.url + address, allow_redirects=False, timeout=PATIENCE, **options)

    def form(self, address, **fields):
        """Return a function that sends this page's form filled in; each call sends the same again."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.ask(address).text)[1]
        data = {"csrfmiddlewaretoken": token, **fields}
        cookies = self.cookies.get_dict()
        return partial(
            self.post, self.site.url + address, data, allow_redirects=False, timeout=PATIENCE, cookies=cookies
        )

    def has_two_factors(self):
        return "Ouverte avec deux facteurs" in self.ask("/compte/").text
