"""Staff in the administration."""

from typing import Any

from django.db.models import Model
from webtest import TestResponse

from tests.support.people import Browser, activate_otp_mel, code, make_agent

CHIEF_SECRET = "chief-secret-of-20-b"


def sign_in_staff(uid: str, **fields: Any) -> Browser:
    """Return a browser of this new member of the staff, signed in with password and code."""
    agent = make_agent(uid, is_staff=True, **fields)
    activate_otp_mel(agent, CHIEF_SECRET)
    browser = Browser()
    browser.sign_in(uid)
    browser.send_code("/verification/", code(CHIEF_SECRET))
    return browser


def find_row_form(page: TestResponse) -> Any:
    """Return the form by which a row is added or changed."""
    return next(form for form in page.forms.values() if "_save" in form.fields)


def run_admin_action(browser: Browser, model: str, action: str, *rows: Model) -> TestResponse:
    """Do an action of the model's list to these rows."""
    page = browser.get(f"/admin/{model}/")
    form = next(form for form in page.forms.values() if "action" in form.fields)
    token = form["csrfmiddlewaretoken"].value
    fields = [("csrfmiddlewaretoken", token), ("action", action), ("index", "0")]
    fields += [("_selected_action", str(row.pk)) for row in rows]
    return browser.post(f"/admin/{model}/", fields, status="*")
