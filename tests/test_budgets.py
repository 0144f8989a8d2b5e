"""How many SQL statements the hot endpoints may cost."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people
from tests.people import answer

pytestmark = pytest.mark.django_db
# PostgreSQL redeems a code and writes the event in one statement.
BUDGET = {"authorize": 3, "token": 2 if connection.vendor == "postgresql" else 3, "userinfo": 1}


def statements(act):
    """What `act` returns, and the statements that it sent, savepoints of the suite's own transaction aside."""
    with CaptureQueriesContext(connection) as captured:
        result = act()
    return result, [q["sql"] for q in captured if "SAVEPOINT" not in q["sql"]]


@pytest.mark.parametrize("came_by", ["the portal", "the application"])
def test_sign_on_with_a_live_session_stays_within_its_budget(browser, enrolled, piag, came_by):
    """Also in a browser that keeps the cookie of an earlier request that had to wait."""
    if came_by == "the application":
        browser.authorize()
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    response, authorize = statements(browser.authorize)
    response, token = statements(lambda: browser.token(answer(response)["code"]))
    bearer = {"Authorization": f"Bearer {response.json['access_token']}"}
    _, userinfo = statements(lambda: browser.get("/oidc/userinfo", headers=bearer))
    spent = {"authorize": authorize, "token": token, "userinfo": userinfo}
    assert {name: sql for name, sql in spent.items() if len(sql) > BUDGET[name]} == {}
    assert all(spent.values()), "a budget that counts nothing proves nothing"
