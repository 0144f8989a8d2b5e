"""The mail at the first lock of a run of wrong codes: whoever types codes has got past the password."""

from django.utils.translation import gettext as _

from accounts.notices import notify
from twofactor.otp_mel.models import OtpMelDevice


def mail_first_lockout(device: OtpMelDevice) -> None:
    """Mail the agent when the failure just counted is the one that closes the method for the first time, and never
    again until a right code, or the helpdesk, has ended the run of failures. Call in the transaction that counts it.
    """
    if device.locks_now:
        notify(device.user, _("Codes incorrects pour votre compte"), "twofactor/mails/otp_mel_locked.txt")
