from twofactor.seeds.models import ImportedSeed
from twofactor.seeds.sealing import SeedKeyError
from twofactor.sources.answers import RecordUnusable, State, Told


class ImportedSource(Told):
    """The secrets that `manage.py import_seeds` brought, for sites whose Bnum database cannot be reached."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """As SeededSource.look_up."""
        imported = ImportedSeed.objects.filter(agent__uid=uid).first()
        if imported is None:
            return State.ABSENT, None
        try:
            return State.PRESENT, imported.seed
        except SeedKeyError as error:
            raise RecordUnusable("imported_seed_does_not_open") from error
