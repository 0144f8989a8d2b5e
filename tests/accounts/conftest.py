import pytest
from django.contrib.auth.models import Permission

from accounts.models import Agent
from tests.support.admin import at_two_factors

RIGHTS = ["view_agent", "change_agent", "add_agent", "view_otpmeldevice", "change_otpmeldevice", "view_auditevent"]


@pytest.fixture
def helpdesk(db):
    """The browser of a member of the helpdesk, at two factors."""
    browser = at_two_factors("helpdesk")
    rights = Permission.objects.filter(codename__in=RIGHTS)
    Agent.objects.get(uid="helpdesk").user_permissions.set(rights)
    return browser
