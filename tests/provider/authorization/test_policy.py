"""THE decision, over all combinations of what can be asked and proved, and a table of named cases."""

from datetime import timedelta
from itertools import product

import pytest

from cerbere.provider.authorization.policy import Demand, Denied, Granted, Step, Terms, decide
from tests.support.facts import DEVICE, otp, password
from tests.support.people import NOW
from twofactor.strength import Method, Strength, compute_strength

MAX_AGE = timedelta(hours=10)


def verdict(demand, terms, facts, devices):
    return decide(demand, terms, facts, devices, NOW, MAX_AGE)


DEMANDS = [
    Demand(NOW, frozenset(prompt), max_age, acr_values, essential, differs)
    for prompt, max_age, acr_values, essential, differs in product(
        [(), ("none",), ("login",), ("consent",), ("select_account",)],
        [None, 0, 600],
        [(), ("eidas1",), ("eidas2",), ("eidas2", "eidas1"), ("eidas1", "eidas2"), ("eidas3",), ("mfa", "eidas2")],
        [None, ("eidas1",), ("eidas2",), ("eidas1", "eidas2"), ("eidas3",), ("eidas2", "eidas3")],
        [False, True],
    )
]
TERMS = [Terms(Strength.PASSWORD), Terms(Strength.TWO_FACTOR)]
FACTS = [(), (password(5),), (password(60),), (password(5), otp(5)), (password(60), otp(60)), (password(60), otp(5)),
         (password(5), otp(5, "removed")), (otp(5),), (password(700), otp(700))]  # fmt: skip
DEVICES = [frozenset(), frozenset({DEVICE})]
ALL = list(product(DEMANDS, TERMS, FACTS, DEVICES))


def each(condition):
    """Yield every combination whose verdict has a property, with that verdict."""
    found = [(*case, verdict(*case)) for case in ALL]
    kept = [case for case in found if condition(case[-1], case[0])]
    assert kept, "the property must concern something"
    return kept


def test_a_grant_is_never_below_the_clients_minimum():
    for _, terms, _, _, granted in each(lambda v, _: isinstance(v, Granted)):
        assert granted.strength >= terms.minimum


def test_a_grant_names_a_level_that_the_session_has_reached():
    for _, terms, facts, devices, granted in each(lambda v, _: isinstance(v, Granted)):
        assert granted.strength <= compute_strength(facts, devices, NOW, MAX_AGE)
        assert granted.acr == terms.acr_names[granted.strength]


def test_a_grant_on_an_essential_acr_is_one_of_its_values():
    for demand, _, _, _, granted in each(lambda v, d: isinstance(v, Granted) and d.essential_acr is not None):
        assert granted.acr in demand.essential_acr


def test_a_grant_rests_on_facts_as_fresh_as_asked():
    for demand, _, _, devices, granted in each(lambda v, d: isinstance(v, Granted) and d.max_age is not None):
        floor = min(demand.received_at, NOW - timedelta(seconds=demand.max_age))
        assert all(fact.at >= floor for fact in granted.facts)
        assert compute_strength(granted.facts, devices, NOW, MAX_AGE) >= granted.strength


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_an_old_session_is_never_enough_for_prompt_login(prompt):
    for _, _, _, _, outcome in each(lambda _, d: prompt in d.prompt):
        assert not isinstance(outcome, Granted)


def test_prompt_none_never_asks_anything():
    for _, _, _, _, outcome in each(lambda _, d: "none" in d.prompt):
        assert not isinstance(outcome, Step)


def test_without_prompt_none_the_only_refusal_is_a_level_that_cannot_be_reached():
    for demand, terms, _, _, denied in each(lambda v, d: isinstance(v, Denied) and "none" not in d.prompt):
        assert denied.error == "unmet_authentication_requirements"
        allowed = {name for level, name in terms.acr_names.items() if level >= terms.minimum}
        assert not allowed & set(demand.essential_acr)


def test_a_session_of_somebody_else_than_the_hint_is_never_granted():
    for _, _, _, _, outcome in each(lambda _, d: d.subject_differs):
        assert not isinstance(outcome, Granted)


def test_a_code_is_asked_only_with_a_method_and_enrolment_only_without():
    for _, _, _, devices, step in each(lambda v, _: v in (Step.VERIFY, Step.ENROL)):
        assert (step is Step.VERIFY) == bool(devices)


def after(step, facts, devices):
    """Return the facts and the devices after the act that this step asks for."""
    if step is Step.LOG_IN:
        return (password(0), *(fact for fact in facts if fact.method is not Method.PASSWORD)), devices
    return (*(fact for fact in facts if fact.method is Method.PASSWORD), otp(0)), frozenset({DEVICE})


def test_doing_what_is_asked_ends_in_a_grant_after_two_steps_at_most():
    for demand, terms, facts, devices, _ in each(lambda v, d: isinstance(v, Step) and not d.subject_differs):
        outcomes = [verdict(demand, terms, facts, devices)]
        while isinstance(outcomes[-1], Step) and len(outcomes) < 3:
            facts, devices = after(outcomes[-1], facts, devices)
            outcomes.append(verdict(demand, terms, facts, devices))
        assert isinstance(outcomes[-1], Granted)


def test_somebody_else_signing_in_ends_in_an_error_not_in_a_loop():
    demand = Demand(NOW, subject_differs=True)
    assert verdict(demand, Terms(), (password(5),), DEVICES[0]) is Step.LOG_IN
    assert verdict(demand, Terms(), (password(0),), DEVICES[0]) == Denied("login_required")


ONE, TWO = Terms(Strength.PASSWORD), Terms(Strength.TWO_FACTOR)
NONE, PWD, BOTH = (), (password(5),), (password(5), otp(5))
NO, YES = DEVICES
TABLE = {
    "nobody": (Demand(NOW), ONE, NONE, NO, Step.LOG_IN),
    "nobody, prompt=none": (Demand(NOW, frozenset({"none"})), ONE, NONE, NO, "login_required"),
    "password suffices": (Demand(NOW), ONE, PWD, NO, "eidas1"),
    "two factors where a password suffices": (Demand(NOW), ONE, BOTH, YES, "eidas2"),
    "refusal": (Demand(NOW), TWO, PWD, NO, Step.ENROL),
    "code": (Demand(NOW), TWO, PWD, YES, Step.VERIFY),
    "two factors": (Demand(NOW), TWO, BOTH, YES, "eidas2"),
    "method removed": (Demand(NOW), TWO, BOTH, NO, Step.ENROL),
    "S05 a weaker acr_values lowers nothing": (Demand(NOW, acr_values=("eidas1",)), TWO, PWD, YES, Step.VERIFY),
    "S06 order of preference": (Demand(NOW, acr_values=("eidas2", "eidas1")), ONE, PWD, YES, Step.VERIFY),
    "S06 other order": (Demand(NOW, acr_values=("eidas1", "eidas2")), ONE, PWD, YES, "eidas1"),
    "S07 unknown acr_values": (Demand(NOW, acr_values=("gold",)), ONE, PWD, NO, "eidas1"),
    "S08 essential and unknown": (
        Demand(NOW, essential_acr=("gold",)), ONE, BOTH, YES, "unmet_authentication_requirements"),
    "S09 asked by a client of minimum one": (Demand(NOW, acr_values=("eidas2",)), ONE, PWD, NO, Step.ENROL),
    "S09 the same silently": (
        Demand(NOW, frozenset({"none"}), acr_values=("eidas2",)), ONE, PWD, NO, "interaction_required"),
    "S11 the code is too old": (Demand(NOW), TWO, (password(700), otp(700)), YES, Step.VERIFY),
    "essential below the session's level": (Demand(NOW, essential_acr=("eidas1",)), ONE, BOTH, YES, "eidas1"),
    "max_age asks for both again": (Demand(NOW, max_age=60), TWO, BOTH, YES, Step.LOG_IN),
    "max_age, fresh password": (Demand(NOW, max_age=60), TWO, (password(0), otp(5)), YES, Step.VERIFY),
    "a code without a password": (Demand(NOW), ONE, (otp(5),), YES, Step.LOG_IN),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_named_case(case):
    *given, expected = case
    outcome = verdict(*given)
    shown = {Granted: lambda: outcome.acr, Denied: lambda: outcome.error}.get(type(outcome), lambda: outcome)()
    assert shown == expected


def test_max_age_counts_from_the_request_for_whoever_takes_his_time():
    demand = Demand(NOW - timedelta(minutes=5), max_age=60)
    assert isinstance(verdict(demand, TERMS[0], (password(4),), frozenset()), Granted)
    assert verdict(demand, TERMS[0], (password(6),), frozenset()) is Step.LOG_IN


def test_a_grant_tells_of_no_act_that_was_too_old_for_it():
    granted = verdict(Demand(NOW, max_age=600), TERMS[0], (password(5), otp(60)), frozenset({DEVICE}))
    assert granted == Granted(Strength.PASSWORD, "eidas1", (password(5),))
