"""The e-mail at the first lock after wrong codes: a person who types codes knows the password."""

from django.utils.translation import gettext as _

from accounts.notices import notify
from twofactor.otp_mel.models import OtpMelDevice


def mail_first_lockout(device: OtpMelDevice) -> None:
    """E-mail the agent if the failure just counted is the first that locks the method.

    The next e-mail is possible only after a right code or an unlock by the helpdesk. Call in the transaction that
    counts the failure.
    """
    if device.is_first_lock:
        notify(device.user, _("Codes incorrects pour votre compte"), "twofactor/mails/otp_mel_locked.txt")
