"""Every model of the second factors, for Django, which looks for them here. Other modules import from the rooms."""

from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed

__all__ = ["ImportedSeed", "OtpMelDevice"]
