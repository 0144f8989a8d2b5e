"""The import of agents in the administration: a file, a preview of its verdicts, then exactly these changes.

The server keeps nothing between the two pages: the preview carries the file itself, signed for this administrator.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.agent_imports.agent_lines import BadHeader, Refusal
from accounts.agent_imports.import_agents import Verdict, import_agents
from accounts.models import Agent
from cerbere.core.imports.report import LineVerdict
from cerbere.core.redirects import SeeOther

MAXIMUM_CARRIED = 60_000  # characters of the signed, compressed file: a form holds them (DATA_UPLOAD_MAX_MEMORY_SIZE)
PREVIEW_AGE = timedelta(hours=1)
VERDICT_TEXTS: dict[str, str] = {
    Verdict.NEW: "nouveau",
    Verdict.UNCHANGED: "inchangé",
    Verdict.CHANGED: "modifié",
    Refusal.LINE: "refusé : ligne illisible ou trop longue",
    Refusal.CELLS: "refusé : nombre de cellules différent de l’en-tête",
    Refusal.CONTROLS: "refusé : caractère de contrôle",
    Refusal.UID: "refusé : identifiant incorrect",
    Refusal.SHARED_MAILBOX: "refusé : boîte partagée (.-.)",
    Refusal.EMAIL: "refusé : adresse électronique incorrecte",
    Refusal.SIRET: "refusé : SIRET incorrect",
    Refusal.MAILBOX: "refusé : type de boîte inconnu",
    Refusal.NOT_A_PERSON: "refusé : cette boîte n’est pas une personne",
    Refusal.MISSING: "refusé : valeur obligatoire absente",
    Refusal.TOO_LONG: "refusé : valeur trop longue",
    Refusal.UID_TAKEN: "refusé : identifiant d’un autre agent",
    Refusal.EMAIL_TAKEN: "refusé : adresse d’un autre agent, ou qui change de titulaire dans ce fichier",
    Refusal.OTHER_DIRECTORY_ID: "refusé : cet agent a un autre identifiant dans l’annuaire",
    Refusal.SUPERUSER: "refusé : compte d’un super-utilisateur",
    Refusal.DUPLICATE: "refusé : agent déjà présent plus haut dans le fichier",
}
HEADER_FAULT = (
    "La première ligne doit nommer les colonnes : uid, puis celles de la liste, chacune une fois et aucune autre. "
    "Un fichier d’agents ne contient pas de mot de passe."
)
TOO_LONG = "Fichier trop long pour cette page : utilisez la commande import_agents."


class AgentsHaveChanged(Exception):
    """The agents are no longer those of the preview: other verdicts would follow."""


class FileForm(forms.Form):
    file = forms.FileField(label="Fichier CSV, en UTF-8")

    def clean_file(self) -> str:
        try:
            return str(self.cleaned_data["file"].read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("Ce fichier n’est pas du texte en UTF-8.") from None


def import_agents_preview(request: HttpRequest) -> HttpResponse:
    _require_superuser(request)
    form = FileForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _render_page(request, "import.html", form=form)
    return _render_preview(request, form)


@require_POST
def import_agents_apply(request: HttpRequest) -> HttpResponse:
    administrator = _require_superuser(request)
    try:
        previewed = signing.loads(
            request.POST.get("previewed", ""), salt=_make_salt(administrator), max_age=PREVIEW_AGE
        )
    except signing.BadSignature:
        messages.error(request, "Cet aperçu est périmé ou n’est pas le vôtre. Choisissez à nouveau le fichier.")
        return SeeOther(reverse("admin:import_agents"))
    try:
        verdicts = _apply_previewed(previewed, administrator)
    except AgentsHaveChanged:
        messages.warning(request, "Les agents ont changé depuis l’aperçu : rien n’est écrit. Vérifiez à nouveau.")
        return _render_preview(request, FileForm(), previewed["text"])
    messages.success(request, f"Import terminé. {_summarize(verdicts)}.")
    return SeeOther(reverse("admin:accounts_agent_changelist"))


def _require_superuser(request: HttpRequest) -> Agent:
    if not isinstance(request.user, Agent) or not request.user.is_superuser:
        raise PermissionDenied
    return request.user


def _make_salt(administrator: Agent) -> str:
    return f"accounts.agent_imports.import_page:{administrator.uuid}"


def _render_preview(request: HttpRequest, form: FileForm, text: str | None = None) -> HttpResponse:
    text = form.cleaned_data["file"] if text is None else text
    try:
        verdicts = _import_text(text, apply=False)
    except BadHeader:
        form.add_error("file", HEADER_FAULT)
        return _render_page(request, "import.html", form=form)
    previewed = signing.dumps(
        {"text": text, "digest": _hash_verdicts(verdicts)}, salt=_make_salt(_require_superuser(request)), compress=True
    )
    if len(previewed) > MAXIMUM_CARRIED:
        form.add_error("file", TOO_LONG)
        return _render_page(request, "import.html", form=form)
    lines = [(line, VERDICT_TEXTS[line.verdict], line.verdict in list(Refusal)) for line in verdicts]
    return _render_page(request, "import_preview.html", previewed=previewed, lines=lines, summary=_summarize(verdicts))


def _render_page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    context |= admin.site.each_context(request) | {"title": "Importer des agents"}
    return render(request, f"admin/accounts/{template}", context)


def _import_text(text: str, apply: bool, actor: Agent | None = None) -> list[LineVerdict]:
    batches = import_agents(io.BytesIO(text.encode()), apply, actor)
    return [line for batch in batches for line in batch]


def _apply_previewed(previewed: dict[str, str], administrator: Agent) -> list[LineVerdict]:
    """Write all that was previewed, or nothing. Raises AgentsHaveChanged."""
    with transaction.atomic():
        verdicts = _import_text(previewed["text"], apply=True, actor=administrator)
        if _hash_verdicts(verdicts) != previewed["digest"]:
            raise AgentsHaveChanged
    return verdicts


def _hash_verdicts(verdicts: Iterable[LineVerdict]) -> str:
    return hashlib.sha256("\n".join(map(str, verdicts)).encode()).hexdigest()


def _summarize(verdicts: Iterable[LineVerdict]) -> str:
    counts = Counter("refusé" if line.verdict in list(Refusal) else VERDICT_TEXTS[line.verdict] for line in verdicts)
    return ", ".join(f"{text} : {count}" for text, count in sorted(counts.items())) or "aucune ligne"
