"""What `make run` prints once both servers answer."""

import shlex
import sys
from pathlib import Path
from typing import TextIO

from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_L

from cerbere.demo.environment import Demo
from cerbere.demo.people import NEWCOMER, PEOPLE

DEFAULT_DIRECTORY = ".demo"


def welcome(demo: Demo, password: str, entry: str, out: TextIO = sys.stdout) -> None:
    """The QR code first: what is needed at once stays at the bottom of the terminal."""
    print(f"\nL’entrée « Bnum » de {NEWCOMER.uid}, à scanner avec un vrai téléphone si vous voulez :\n", file=out)
    print_qr_code(entry, out)
    print(f"{entry}\n\n{help_text(demo, password)}", file=out, flush=True)


def print_qr_code(content: str, out: TextIO) -> None:
    """On a terminal in colours of its own, dark on light, so that phones read it whatever the theme."""
    code = QRCode(error_correction=ERROR_CORRECT_L, border=2)
    code.add_data(content)
    code.print_ascii(out=out, tty=out.isatty())


def help_text(demo: Demo, password: str) -> str:
    agents = "\n".join(f"  {person.uid:<16}{person.situation}" for person in PEOPLE)
    return f"""\
PIAG              {demo.piag_url}  (le parcours commence ici)
Cerbère           {demo.url}

{agents}

Mot de passe      {password}  (le même pour tous)
Code du téléphone {demo_code_command(demo)}
Courriels         ils s’affichent dans ce terminal
Données           {demo.directory}
Arrêter           Ctrl-C
"""


def demo_code_command(demo: Demo) -> str:
    """With the directory when it is not the usual one; the ports do not matter to it."""
    usual = demo.directory == Path(DEFAULT_DIRECTORY).absolute()
    return f"make demo-code LOGIN={NEWCOMER.uid}" + ("" if usual else f" DEMO_DIR={shlex.quote(str(demo.directory))}")
