import pytest
from django.contrib.auth.models import Permission

from accounts.models import Agent
from tests.support.admin import sign_in_staff

RIGHTS = ["view_agent", "change_agent", "add_agent", "view_otpmeldevice", "change_otpmeldevice", "view_auditevent"]


@pytest.fixture
def helpdesk(db):
    """Return the browser of a member of the helpdesk, at two factors."""
    browser = sign_in_staff("helpdesk")
    rights = Permission.objects.filter(codename__in=RIGHTS)
    Agent.objects.get(uid="helpdesk").user_permissions.set(rights)
    return browser
