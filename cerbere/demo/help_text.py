"""The text that `make run` prints once both servers respond."""

import shlex
import sys
from pathlib import Path
from typing import TextIO

from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_L

from cerbere.demo.environment import Demo
from cerbere.demo.people import NEWCOMER, PEOPLE

DEFAULT_DIRECTORY = ".demo"


def print_welcome(demo: Demo, password: str, phone_entry: str, out: TextIO = sys.stdout) -> None:
    """Print the QR code, then the URLs and logins, which stay in view at the bottom of the terminal.

    `phone_entry` is the otpauth:// URI of the newcomer's entry « Bnum ».
    """
    print(f"\nL’entrée « Bnum » de {NEWCOMER.uid}, à scanner avec un vrai téléphone si vous voulez :\n", file=out)
    print_qr_code(phone_entry, out)
    print(f"{phone_entry}\n\n{build_help_text(demo, password)}", file=out, flush=True)


def print_qr_code(content: str, out: TextIO) -> None:
    """Print a QR code, on a terminal always dark on light: some phones cannot read it the other way round."""
    code = QRCode(error_correction=ERROR_CORRECT_L, border=2)
    code.add_data(content)
    code.print_ascii(out=out, tty=out.isatty())


def build_help_text(demo: Demo, password: str) -> str:
    agents = "\n".join(f"  {person.uid:<16}{person.situation}" for person in PEOPLE)
    return f"""\
PIAG              {demo.piag_url}  (le parcours commence ici)
Cerbère           {demo.url}

{agents}

Mot de passe      {password}  (le même pour tous)
Code du téléphone {build_demo_code_command(demo)}
Courriels         ils s’affichent dans ce terminal
Données           {demo.directory}
Arrêter           Ctrl-C
"""


def build_demo_code_command(demo: Demo) -> str:
    """Return the command that prints a code. It names the directory when that is not the default one."""
    command = f"make demo-code LOGIN={NEWCOMER.uid}"
    if demo.directory == Path(DEFAULT_DIRECTORY).absolute():
        return command
    return f"{command} DEMO_DIR={shlex.quote(str(demo.directory))}"
