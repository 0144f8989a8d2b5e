from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError
from twofactor.sources.contract import RecordUnusable, State, StepReporter


class ImportedSource(StepReporter):
    """Secrets that `manage.py import_seeds` has imported, for sites whose Bnum database cannot be reached."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """Look up as SeededSource does."""
        imported = ImportedSeed.objects.filter(agent__uid=uid).first()
        if imported is None:
            return State.ABSENT, None
        try:
            return State.PRESENT, imported.seed
        except SeedKeyError as error:
            raise RecordUnusable("imported_seed_does_not_open") from error
