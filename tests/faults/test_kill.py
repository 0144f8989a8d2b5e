"""F01, F02: every worker dies by SIGKILL in the middle of what an agent does, and the agent does it again."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from accounts.sessions.store import SessionStore
from tests.support.people import CALLBACK, CLIENT_SECRET, VERIFIER, authorization, code
from tests.support.servers.site import PATIENCE, TIMES, Agent

pytestmark = pytest.mark.postgresql
BEYOND = 1.3  # the last kills come after the answer
ID = "(SELECT id FROM accounts_agent WHERE uid = %s)"
VERIFY, ADD = "/verification/", "/compte/deux-facteurs/otp-mel/"


@dataclass
class Standing:
    """What the database says that a code gave. All of it or nothing."""

    burnt: bool
    session_raised: bool
    accepted: bool
    confirmed: bool
    recorded: bool
    mailed: bool


def standing(site, uid):
    """Return what this agent's rows hold, after checking that nothing was done twice and no failure counted."""
    device = "SELECT last_step, confirmed, failures FROM twofactor_otpmeldevice WHERE user_id = "
    [(last_step, confirmed, failures)] = site.sql(device + ID, uid) or [(-1, False, 0)]
    [(session_data,)] = site.sql(f"SELECT session_data FROM accounts_agentsession WHERE agent_id = {ID}", uid)
    events = dict(site.sql("SELECT name, count(*) FROM audit_auditevent WHERE agent = %s GROUP BY name", uid))
    mail = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE args_kwargs::text LIKE %s"
    [(mails,)] = site.sql(mail, f"%{uid}@example.fr%")
    assert failures == 0
    assert max([mails, *events.values()]) == 1
    assert "second_factor:refused" not in events
    raised, accepted = "otp_mel" in SessionStore().decode(session_data), "second_factor:accepted" in events
    return Standing(last_step > -1, raised, accepted, confirmed, "otp_mel:added" in events, mails == 1)


def timed(act):
    start = time.monotonic()
    return act(), time.monotonic() - start


class Deaths:
    """The workers' deaths in the middle of acts, at moments that move from before to after what such an act takes."""

    def __init__(self, site, act):
        """Time `act`, undisturbed on new workers, which is its slowest case."""
        self.site, self.answers = site, []
        site.kill_workers()
        answer, self.seconds = timed(act)
        assert answer.status_code == 303

    def during(self, act):
        """Kill the workers during the act, and note its response, None if none arrived."""
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(timed, act)
            time.sleep(self.seconds * BEYOND * len(self.answers) / TIMES)
            self.site.kill_workers()
            try:
                answer, self.seconds = pending.result()
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                answer = None
        self.answers.append(answer)

    def were_in_the_middle(self):
        """Tell whether the kills met requests under way: some responses never arrived."""
        return len(self.answers) == TIMES and self.answers.count(None) >= TIMES // 5


def test_f02_a_worker_killed_during_the_enrolment_leaves_all_or_nothing(site):
    deaths, left = Deaths(site, Agent(site, f"enrol.n{TIMES}").form(ADD, code=code())), []
    for n in range(TIMES):
        agent = Agent(site, f"enrol.n{n}")
        send = agent.form(ADD, code=code())
        deaths.during(send)
        left.append(set(asdict(standing(site, agent.uid)).values()))
        assert send().status_code == 303
        assert agent.has_two_factors()
        assert standing(site, agent.uid) == Standing(True, True, True, True, True, True)
    assert [kinds for kinds in left if len(kinds) > 1] == []
    assert deaths.were_in_the_middle()


def test_f01_a_worker_killed_during_the_second_factor_leaves_all_or_nothing(site):
    deaths, left = Deaths(site, Agent(site, f"verify.n{TIMES}").form(VERIFY, code=code())), []
    for n in range(TIMES):
        agent = Agent(site, f"verify.n{n}")
        send = agent.form(VERIFY, code=code())
        deaths.during(send)
        found = standing(site, agent.uid)
        left.append({found.burnt, found.session_raised, found.accepted})
        assert found.confirmed, "the method was there before"
        assert send().status_code == 303
        assert agent.has_two_factors()
        assert standing(site, agent.uid) == Standing(True, True, True, True, False, False)
    assert [kinds for kinds in left if len(kinds) > 1] == []
    assert deaths.were_in_the_middle()


def redeem(site, answer):
    fields = {
        "grant_type": "authorization_code", "code": parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0],
        "redirect_uri": CALLBACK, "client_id": "piag", "client_secret": CLIENT_SECRET, "code_verifier": VERIFIER,
    }  # fmt: skip
    return requests.post(f"{site.url}/oidc/token", fields, timeout=PATIENCE)


def test_f01_a_worker_killed_between_the_code_and_the_redirect_costs_one_reload(site):
    agent = Agent(site, f"verify.n{TIMES + 1}")
    assert agent.form(VERIFY, code=code())().status_code == 303
    ask = partial(agent.ask, "/oidc/authorize", params=authorization())
    deaths = Deaths(site, ask)
    for _ in range(TIMES):
        deaths.during(ask)
    codes = [answer for answer in (*deaths.answers, ask()) if answer is not None]
    assert [redeem(site, answer).status_code for answer in codes] == [200] * len(codes)
    assert {redeem(site, answer).status_code for answer in codes} == {400}
    assert site.sql("SELECT count(*) FROM provider_grant WHERE redeemed_at IS NOT NULL") == [(len(codes),)]
    assert deaths.were_in_the_middle()
