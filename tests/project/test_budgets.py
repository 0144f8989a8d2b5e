"""How many SQL statements the hot endpoints may cost."""

from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import people
from tests.support.people import answer

pytestmark = pytest.mark.django_db
# What belongs together PostgreSQL writes in one statement: a sign-in with its session, its event and its counters, a
# second factor with the session's next key and the event, a code that is redeemed with the event, the end of a
# request's waiting with its grant, a try for its source and its account, and a request that is kept as others that
# have expired are forgotten.
IN_ONE = connection.vendor == "postgresql"
BUDGET = {"authorize": 3, "token": 2 if IN_ONE else 3, "userinfo": 1}
COLD_LOGIN = {  # statements, in the order of the requests
    "authorize": 2 if IN_ONE else 3, "login page": 1, "password": 4 if IN_ONE else 8,
    "code page": 2, "code": 4 if IN_ONE else 7,
}  # fmt: skip
TRANSACTIONS = {"password": 0 if IN_ONE else 1, "code": 0 if IN_ONE else 2}  # of several statements


def statements(act):
    """What `act` returns, and the statements that it sent, savepoints of the suite's own transaction aside."""
    result, sent = captured(act)
    return result, [sql for sql in sent if "SAVEPOINT" not in sql]


def captured(act):
    with CaptureQueriesContext(connection) as queries:
        result = act()
    return result, [query["sql"] for query in queries]


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


@pytest.mark.parametrize("came", ["for the first time", "before"])
def test_a_cold_login_with_a_second_factor_stays_within_its_budget(browser, enrolled, piag, came):
    """Also for an agent whose browser and counters are known."""
    if came == "before":
        browser.sign_in()
        browser.cookiejar.clear_session_cookies()
    answers, sent = {}, {}

    def step(name, act):
        answers[name], sent[name] = captured(act)
        return answers[name]

    def follow(response):
        return browser.get(urlsplit(response.location)._replace(scheme="", netloc="").geturl())

    page = step("login page", lambda: follow(step("authorize", browser.authorize)))
    password = step("password", lambda: browser.sign_in(page=page))
    page = step("code page", lambda: follow(password))
    _, of_a_wrong_code = captured(lambda: browser.send_code(page, people.wrong_code()))
    assert answer(step("code", lambda: browser.send_code(page, people.code())))["code"]
    spent = {name: [sql for sql in sql_sent if "SAVEPOINT" not in sql] for name, sql_sent in sent.items()}
    assert spent.keys() == COLD_LOGIN.keys()
    assert {name: sql for name, sql in spent.items() if len(sql) > COLD_LOGIN[name]} == {}
    begun = {name: sum(sql.startswith("SAVEPOINT") for sql in sql_sent) for name, sql_sent in sent.items()}
    assert {name: number for name, number in begun.items() if number > TRANSACTIONS.get(name, 0)} == {}
    assert all(spent.values())
    assert any(sql.startswith("SAVEPOINT") for sql in of_a_wrong_code), "a budget that counts nothing proves nothing"
