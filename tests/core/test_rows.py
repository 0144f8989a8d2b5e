"""Explicit statements give what the ORM gives, on both databases."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Agent, AgentSession
from accounts.queries import find_session
from cerbere.core.rows import insert_instance
from cerbere.provider.clients.models import Client
from cerbere.provider.clients.queries import find_client_by_id
from cerbere.provider.tokens.models import Grant, Tokens
from cerbere.provider.tokens.queries import (
    GRANT_BY_ACCESS_TOKEN,
    GRANT_BY_CODE,
    GRANT_BY_FAMILY,
    INSERT_GRANT,
    find_grant,
    redeem_grant,
)
from tests.support.people import activate_otp_mel, make_agent, make_client
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.queries import find_agent

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def columns(instance):
    return {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}


@pytest.fixture
def agent():
    agent = make_agent("camille.durand", two_factor_required_from=NOW, directory_id="é-1")
    activate_otp_mel(agent)
    return agent


@pytest.fixture
def session(agent):
    return AgentSession.objects.create(
        session_key="k" * 40, session_data="x", expire_date=NOW + timedelta(hours=1), agent=agent, address="2001:db8::1"
    )


def a_grant(client, agent, session):
    return Grant(
        client=client, agent=agent, session=session, code_digest="code", access_digest="access", family="family",
        redirect_uri="https://rp.test/é", claims={"id_token": {"acr": None}, "userinfo": {"email": None}}, strength=2,
        acr="eidas2", auth_time=NOW, created_at=NOW,
    )  # fmt: skip


def test_a_client(agent):
    client = make_client("piag", claims=["email"], jwks={"keys": []})
    found = find_client_by_id("piag")
    assert columns(found) == columns(Client.objects.get(pk=client.pk))
    assert (found, find_client_by_id("other")) == (client, None)


def test_a_session(session):
    assert columns(find_session("k" * 40)) == columns(AgentSession.objects.get())
    assert find_session("other") is None


def test_an_agent_with_a_method(agent, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = find_agent(agent.pk)
        assert found.otp_mel.confirmed
    assert columns(found) == columns(Agent.objects.get())
    assert columns(found.otp_mel) == columns(OtpMelDevice.objects.get())
    assert find_agent(0) is None


def test_an_agent_without_a_method(django_assert_num_queries):
    agent = make_agent("sans.methode")
    with django_assert_num_queries(1):
        assert find_agent(agent.pk).otp_mel.confirmed is False
    assert not OtpMelDevice.objects.exists()


@pytest.mark.parametrize(
    ("sql", "key"), [(GRANT_BY_CODE, "code"), (GRANT_BY_ACCESS_TOKEN, "access"), (GRANT_BY_FAMILY, "family")]
)
@pytest.mark.parametrize("lives", [True, False])
def test_a_grant_with_what_must_still_be_true(agent, session, sql, key, lives, django_assert_num_queries):
    written = a_grant(make_client("piag"), agent, session if lives else None)
    insert_instance(INSERT_GRANT, written)
    expected = Grant.objects.with_validity_relations().get()
    with django_assert_num_queries(1):
        found = find_grant(sql, key)
        assert columns(found) == columns(expected) == columns(written)
        assert columns(found.client) == columns(expected.client)
        assert columns(found.agent) == columns(expected.agent)
        assert columns(found.agent.otp_mel) == columns(expected.agent.otp_mel)
        assert (found.session and columns(found.session)) == (expected.session and columns(expected.session))
    assert find_grant(sql, "other") is None


def test_what_is_inserted_is_what_the_orm_would_write(agent, session):
    grant = a_grant(make_client("piag"), agent, session)
    insert_instance(INSERT_GRANT, grant)
    assert columns(grant) == columns(Grant.objects.get())
    grant.pk, grant.code_digest, grant.access_digest, grant.family = None, "2", "2", "2"
    grant.save(force_insert=True)
    first, second = Grant.objects.order_by("pk")
    differing = {name for name, value in columns(first).items() if columns(second)[name] != value}
    assert differing == {"id", "code_digest", "access_digest", "family"}


def test_a_code_is_redeemed_once_as_the_orm_would_write_it(agent, session):
    insert_instance(INSERT_GRANT, a_grant(make_client("piag"), agent, session))
    grant, tokens = Grant.objects.get(), Tokens.make("a-family")
    assert redeem_grant(grant, tokens, NOW)
    assert not redeem_grant(grant, tokens, NOW)
    written = columns(Grant.objects.get())
    assert written == columns(grant) | tokens.to_columns(NOW) | {"redeemed_at": NOW}
