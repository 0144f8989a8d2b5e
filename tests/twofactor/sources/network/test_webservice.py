"""The Bnum's SOAP web service, on a real socket: exactly one boolean where it belongs, or unavailable, in time."""

import base64
from xml.etree.ElementTree import fromstring

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tests.support.certificates import Authority
from tests.support.fakes import fake_bnum_http
from tests.support.fakes.fake_bnum import set_up, unavailable_in_time
from tests.support.fakes.fake_bnum_http import NAMESPACE, soap
from tests.support.people import NOW, code, wrong_code
from twofactor.sources import SourceUnavailable, State, get_source
from twofactor.sources.webservice import Operation, build_envelope

CAMILLE = "camille.durand"


@pytest.fixture
def bnum(settings):
    settings.MELOTP_SOAP_NAMESPACE = NAMESPACE
    return set_up(settings, "webservice")


@pytest.fixture
def service(bnum, settings):
    with fake_bnum_http.webservice(bnum) as settings.MELOTP_URL:
        yield bnum


def test_the_states_that_it_knows(service):
    assert get_source().look_up(CAMILLE) == (State.PRESENT, None)
    assert get_source().look_up("sasha.petit") == (State.ABSENT, None)


def test_t20_a_code_serves_once_here_and_on_the_bnum_together(service):
    with time_machine.travel(NOW, tick=False):
        assert get_source().verify(CAMILLE, wrong_code()) is False
        assert get_source().verify(CAMILLE, code()) is True
        assert get_source().verify(CAMILLE, code()) is False
        assert not service.is_right(CAMILLE, code())


def test_what_is_sent(service, settings):
    settings.MELOTP_SOAP_ACTION = "urn:dynalogin#"
    settings.MELOTP_USER, settings.MELOTP_PASSWORD = "cerbere", "mot de passe"
    get_source().look_up(CAMILLE)
    (asked,) = service.asked
    assert asked.startswith("POST /soap?service=otp HTTP/1.1\r\n")
    assert 'SOAPAction: "urn:dynalogin#isActivated"' in asked
    assert base64.b64encode(b"cerbere:mot de passe").decode() in asked


def test_names_are_settings(service, settings):
    settings.MELOTP_SOAP_ACTIVATED = "estActif(identifiant)"
    settings.MELOTP_SOAP_QUALIFIED = True
    service.mode = soap(f'<n:estActifResponse xmlns:n="{NAMESPACE}"><out>1</out></n:estActifResponse>')
    assert get_source().look_up(CAMILLE) == (State.PRESENT, None)
    assert f"<m:estActif><m:identifiant>{CAMILLE}</m:identifiant></m:estActif>" in service.asked[0]


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=32))
def test_no_uid_writes_xml_of_its_own(uid):
    root = fromstring(build_envelope(Operation("isActivated", ("user",)), (uid,), NAMESPACE, False))
    assert [(part.tag, part.text or "") for part in root.iter() if part.tag == "user"] == [("user", uid)]


@pytest.mark.parametrize("uid", ["a b", "a\nb", "a\0b", "étranger", "x" * 33, ""])
def test_a_uid_that_dynalogin_cannot_have_is_never_sent(service, uid):
    assert get_source().look_up(uid) == (State.UNSUPPORTED, None)
    with pytest.raises(SourceUnavailable):
        get_source().verify(uid, "123456")
    assert service.connections == 0


@pytest.mark.parametrize("typed", ["12345", "123456\n", "١٢٣٤٥٦", "<x/>12"])
def test_what_is_not_six_digits_is_never_sent(service, typed):
    with pytest.raises(SourceUnavailable):
        get_source().verify(CAMILLE, typed)
    assert service.connections == 0


@pytest.mark.parametrize("mode", fake_bnum_http.FAULTS)
def test_f09_f10_any_other_answer_is_unavailable_and_in_time(service, mode, caplog):
    service.mode = mode
    right = code()
    with unavailable_in_time(caplog, right):
        get_source().verify(CAMILLE, right)


def response(content, operation="isActivated", namespace=NAMESPACE):
    return f'<n:{operation}Response xmlns:n="{namespace}">{content}</n:{operation}Response>'


NOT_ONE_BOOLEAN = {
    "fault": soap("<e:Fault><faultcode>e:Server</faultcode><faultstring>false</faultstring></e:Fault>"),
    "another operation": soap(response("<return>true</return>", "validateOTP")),
    "another namespace": soap(response("<return>true</return>", namespace="urn:other")),
    "two values": soap(response("<return>true</return><return>false</return>")),
    "two answers": soap(response("<return>true</return>") + response("<return>false</return>")),
    "no value": soap(response("")),
    "no answer": soap(""),
    "empty value": soap(response("<return/>")),
    "nil": soap(response('<return xsi:nil="true"/>')),
    "yes": soap(response("<return>yes</return>")),
    "capital": soap(response("<return>True</return>")),
    "number": soap(response("<return>2</return>")),
    "nested": soap(response("<return>true<x/></return>")),
    "value without its element": soap(response("true")),
    "two bodies": soap(response("<return>true</return>")).replace("</e:Env", "<e:Body/></e:Env"),
    "no envelope": response("<return>true</return>"),
    "soap 1.2": soap(response("<return>true</return>")).replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    ),
    "entity": '<!DOCTYPE x [<!ENTITY t "true">]>' + soap(response("<return>&t;</return>")).partition("?>")[2],
    "document type": "<!DOCTYPE x>" + soap(response("<return>true</return>")).partition("?>")[2],
    "external entity": '<!DOCTYPE x [<!ENTITY t SYSTEM "file:///etc/hostname">]>'
    + soap(response("<return>&t;</return>")).partition("?>")[2],
    "unknown encoding": soap(response("<return>true</return>")).replace('"1.0"', '"1.0" encoding="klingon"'),
    "wide encoding": soap(response("<return>true</return>")).replace('"1.0"', '"1.0" encoding="utf-7"'),
}  # fmt: skip


@pytest.mark.parametrize("body", NOT_ONE_BOOLEAN.values(), ids=NOT_ONE_BOOLEAN)
def test_f10_what_is_not_exactly_one_boolean_is_never_an_answer(service, body):
    """Above all not « off »: the Bnum itself reads a failed isActivated as « no second factor »."""
    service.mode = body
    with pytest.raises(SourceUnavailable):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize(
    ("text", "state"),
    [("true", State.PRESENT), ("1", State.PRESENT), (" true\n", State.PRESENT), ("false", State.ABSENT),
     ("0", State.ABSENT)],
)  # fmt: skip
def test_every_spelling_of_a_boolean(service, text, state):
    service.mode = soap(response(f"<return>{text}</return>"))
    assert get_source().look_up(CAMILLE) == (state, None)


def test_over_tls_with_a_client_certificate(bnum, settings, tmp_path):
    authority = Authority(tmp_path)
    settings.MELOTP_CA = authority.pem
    with fake_bnum_http.webservice(bnum, authority.issue("localhost"), authority.pem) as settings.MELOTP_URL:
        with pytest.raises(SourceUnavailable):
            get_source().look_up(CAMILLE)
        settings.MELOTP_CLIENT_CERTIFICATE_FILE = str(authority.issue("cerbere.example.fr"))
        assert get_source().look_up(CAMILLE) == (State.PRESENT, None)


@pytest.mark.parametrize(("host", "known"), [("localhost", False), ("elsewhere.example.fr", True)])
def test_f10_a_certificate_that_proves_nothing_is_unavailable(bnum, settings, tmp_path, host, known):
    authority = Authority(tmp_path)
    settings.MELOTP_CA = authority.pem if known else ""
    with (
        fake_bnum_http.webservice(bnum, authority.issue(host)) as settings.MELOTP_URL,
        pytest.raises(SourceUnavailable, match="SSLCertVerificationError"),
    ):
        get_source().look_up(CAMILLE)
    assert bnum.asked == []
