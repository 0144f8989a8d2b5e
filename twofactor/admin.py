"""The administration pages of all second factors: Django looks for them in this module."""

from twofactor.otp_mel.admin import OtpMelDeviceAdmin

__all__ = ["OtpMelDeviceAdmin"]
