"""Every page of the administration that the second factors have, for Django, which looks for them here."""

from twofactor.otp_mel.admin import OtpMelDeviceAdmin

__all__ = ["OtpMelDeviceAdmin"]
