"""How many SQL statements the hot endpoints may cost."""

from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import people
from tests.support.people import answer

pytestmark = pytest.mark.django_db
BUDGET = {"authorize": 4, "token": 4, "userinfo": 2}
COLD_LOGIN = {  # statements, in the order of the requests
    "authorize": 3, "login page": 1, "password": 9, "resume": 3, "code page": 3, "code": 7, "answer": 5,
}  # fmt: skip


def statements(act):
    """Return what `act` returns and the statements that it sent, savepoints of the suite's own transaction aside."""
    with CaptureQueriesContext(connection) as queries:
        result = act()
    return result, [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


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
    answers, spent = {}, {}

    def step(name, act):
        answers[name], spent[name] = statements(act)
        return answers[name]

    def follow(response):
        return browser.get(urlsplit(response.location)._replace(scheme="", netloc="").geturl())

    asked = step("authorize", browser.authorize)
    page = step("login page", lambda: follow(asked))
    password = step("password", lambda: browser.sign_in(page=page))
    resumed = step("resume", lambda: follow(password))
    page = step("code page", lambda: follow(resumed))
    code = step("code", lambda: browser.send_code(page, people.code()))
    assert answer(step("answer", lambda: follow(code)))["code"]
    assert spent.keys() == COLD_LOGIN.keys()
    assert {name: sql for name, sql in spent.items() if len(sql) > COLD_LOGIN[name]} == {}
    assert all(spent.values()), "a budget that counts nothing proves nothing"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oidc/jwks"])
def test_what_is_published_costs_no_statement(browser, path):
    browser.sign_in()
    assert statements(lambda: browser.get(path))[1] == []
