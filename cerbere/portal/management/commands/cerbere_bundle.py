"""Build static/build/ from the files of the installed django-dsfr wheel.

The design system's files are under terms of their own and are not committed: only what the pages use
is copied, so that collectstatic stays small. Files that have not changed are not written again.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

COMPONENTS = (
    "alert",
    "badge",
    "button",
    "checkbox",
    "footer",
    "form",
    "header",
    "input",
    "link",
    "logo",
    "modal",
    "password",
    "radio",
    "skiplink",
)
STYLES = (
    "core/core.main.min.css",
    "scheme/scheme.min.css",
    *(f"component/{name}/{name}.main.min.css" for name in COMPONENTS),
)
ICONS = (  # named by class in the templates; those that components use come with their styles
    "arrows/arrow-right-line",
    "editor/translate-2",
    "system/fr--theme-fill",
    "system/logout-box-r-line",
    "system/shield-line",
    "user/account-circle-line",
)
COPIES = {"dsfr.module.min.js": "dsfr.module.min.js", "favicon.svg": "favicon/favicon.svg"}
FONTS = ("Marianne-Regular.woff2", "Marianne-Medium.woff2", "Marianne-Bold.woff2")

FONT_FACE = re.compile(r"@font-face\{[^}]*\}")
OLD_FONT_FORMAT = re.compile(r',url\([^)]*\.woff\) format\("woff"\)')
FILE_URL = re.compile(r"""url\((?!["']?data:)["']?([^"')]+)["']?\)""")


class Command(BaseCommand):
    help = "Build static/build/ from the installed django-dsfr package."
    requires_system_checks = []  # it runs at build time, without keys nor database

    def handle(self, *_args: Any, **_options: Any) -> None:
        target = Path(settings.STATICFILES_DIRS[0]) / "build"
        written = write_files(target, bundle_files(find_distribution()))
        self.stdout.write(f"{target}: {written} files written")


def find_distribution() -> Path:
    """Return the folder of the design system in django-dsfr, which is installed but is not in INSTALLED_APPS."""
    spec = importlib.util.find_spec("dsfr")
    if spec is None or spec.origin is None:
        raise CommandError("django-dsfr is not installed")
    return Path(spec.origin).parent / "static" / "dsfr" / "dist"


def bundle_files(source: Path) -> dict[str, bytes]:
    """Return the content of each file of static/build/, by path."""
    files = {name: (source / path).read_bytes() for name, path in COPIES.items()}
    styles = [flatten_styles(source, path, files) for path in STYLES]
    icons = [make_icon_style(source, path, files) for path in ICONS]
    files["dsfr.css"] = "\n".join([*styles, *icons]).encode()
    return files


def flatten_styles(source: Path, path: str, files: dict[str, bytes]) -> str:
    """Return a style sheet whose URLs point to files of the bundle, and add these files."""

    def copy(match: re.Match[str]) -> str:
        return f"url({copy_file((source / path).parent / match[1], files)})"

    styles = FONT_FACE.sub(keep_font, (source / path).read_text())
    return FILE_URL.sub(copy, OLD_FONT_FORMAT.sub("", styles))


def keep_font(match: re.Match[str]) -> str:
    return match[0] if any(font in match[0] for font in FONTS) else ""


def copy_file(file: Path, files: dict[str, bytes]) -> str:
    name = f"{file.parent.name if file.suffix == '.woff2' else 'icons'}/{file.name}"
    files[name] = file.read_bytes()
    return name


def make_icon_style(source: Path, path: str, files: dict[str, bytes]) -> str:
    url = copy_file(source / "icons" / f"{path}.svg", files)
    selector = f".fr-icon-{path.rpartition('/')[2].removeprefix('fr--')}"
    mask = f"-webkit-mask-image:url({url});mask-image:url({url})"
    return f"{selector}:after,{selector}:before{{{mask}}}"


def write_files(target: Path, files: dict[str, bytes]) -> int:
    """Make the folder hold exactly these files; a file that has its content already is not written."""
    for stale in set(target.rglob("*.*")) - {target / name for name in files}:
        stale.unlink()
    changed = {target / name: content for name, content in files.items()}
    changed = {path: content for path, content in changed.items() if not has_content(path, content)}
    for path, content in changed.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(changed)


def has_content(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
