"""The models of all second factors: Django looks for them here; other modules import them where they are defined."""

from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed

__all__ = ["ImportedSeed", "OtpMelDevice"]
