"""The home page's applications: what an agent may open, and whether this session suffices."""

import pytest
from django.utils import timezone

from accounts.models import Agent
from cerbere.provider.clients.models import Client
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def offered(wiki, piag):
    Client.objects.filter(pk=wiki.pk).update(home_uri="https://wiki.example.fr/")
    Client.objects.filter(pk=piag.pk).update(home_uri="https://piag.example.fr/")


def lines(browser):
    return [line for line in browser.get("/").text.splitlines() if "Demande " in line]


def test_nobody_is_offered_anything_before_signing_in(browser, offered):
    assert lines(browser) == []


def test_each_tells_its_level_and_whether_it_is_reached(browser, enrolled, offered):
    browser.sign_in()
    two_factors, password = lines(browser)
    assert "Demande deux facteurs – un code vous sera demandé." in two_factors
    assert "Demande le mot de passe – votre session suffit." in password
    browser.send_code("/verification/", people.code())
    assert all("votre session suffit." in line for line in lines(browser))


def test_an_agent_who_owes_two_factors_is_told_so_of_each(browser, enrolled, offered):
    Agent.objects.update(two_factor_required_from=timezone.now())
    browser.sign_in()
    assert all("Demande deux facteurs – un code vous sera demandé." in line for line in lines(browser))
    assert len(lines(browser)) == 2


def test_those_disabled_or_without_an_address_are_left_out(browser, camille, offered):
    Client.objects.filter(client_id="wiki").update(enabled=False)
    Client.objects.filter(client_id="piag").update(home_uri="")
    browser.sign_in()
    assert "Vos applications" not in browser.get("/").text
