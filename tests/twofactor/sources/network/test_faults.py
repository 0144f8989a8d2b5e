"""An unsafe or incomplete source stops the start with one line that names the setting and quotes no value."""

import pytest

from tests.support.certificates import Authority

pytest_plugins = ["tests.support.fixtures.settings"]
HTTP = {"SOURCE": "http", "URL": "https://bnum.example.fr/otp", "TOKEN": "canary"}
SOAP = {"SOURCE": "webservice", "URL": "https://bnum.example.fr/soap?x", "SOAP_NAMESPACE": "urn:dynalogin"}
DAEMON = {"SOURCE": "dynalogind", "URL": "tls://bnum.example.fr:9050"}
LOOPBACK = ["http://localhost:8080/otp", "http://127.0.0.1/otp", "http://[::1]:8080"]


@pytest.fixture
def found(faults):
    return lambda values: faults({f"CERBERE_MELOTP_{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    "values",
    [HTTP, SOAP, DAEMON, DAEMON | {"URL": "tcp://localhost"}, DAEMON | {"URL": "tls://[2001:db8::1]:9050"},
     SOAP | {"USER": "cerbere", "PASSWORD": "a: b"}, SOAP | {"SOAP_VALIDATE": "verifier(login, otp)"},
     SOAP | {"SOAP_ACTION": "urn:dynalogin#"}, *(HTTP | {"URL": url} for url in LOOPBACK)],
    ids=str,
)  # fmt: skip
def test_the_least_of_each_source_is_sound(found, values):
    assert found(values) == []


def test_certificates_that_can_be_used(found, tmp_path):
    authority = Authority(tmp_path)
    files = {"CA": authority.pem, "CLIENT_CERTIFICATE_FILE": str(authority.issue("cerbere.example.fr"))}
    assert found(HTTP | files | {"TOKEN": ""}) == []


BAD_URLS = [
    "", "bnum.example.fr", "ftp://bnum.example.fr", "https://", "https://bnum.example.fr:99999", "https://a b",
    "https://user:canary@bnum.example.fr", "https://bnum.example.fr/#x", "https://bnum.example.fr/\r\nX: y",
    "https://bnum.example.fr/é", "tls://bnum.example.fr", "https://[::1",
]  # fmt: skip
UNSAFE = [
    *(({**HTTP, "URL": url}, "URL is missing, or not an address such as https://") for url in BAD_URLS),
    ({**HTTP, "URL": "http://bnum.example.fr"}, "URL must be https outside this machine"),
    ({**HTTP, "URL": "http://localhost.example.fr"}, "URL must be https outside this machine"),
    ({**HTTP, "URL": "https://bnum.example.fr/?a=b"}, "URL must have no query"),
    ({**HTTP, "TOKEN": ""}, "TOKEN is missing"),
    ({**HTTP, "TOKEN": "canary\r\nX: y"}, "TOKEN has spaces"),
    ({**HTTP, "CA": "canary"}, "CA holds no certificates"),
    ({**HTTP, "CA": "é"}, "CA holds no certificates"),
    ({**HTTP, "CLIENT_CERTIFICATE": "canary"}, "CLIENT_CERTIFICATE must be given as"),
    ({**HTTP, "CLIENT_CERTIFICATE_FILE": __file__}, "CLIENT_CERTIFICATE_FILE holds no certificate"),
    ({**DAEMON, "URL": "tcp://bnum.example.fr"}, "URL must be tls outside this machine"),
    ({**DAEMON, "URL": "tls://bnum.example.fr/otp"}, "URL is missing, or not an address such as tls://"),
    ({**DAEMON, "URL": "https://bnum.example.fr"}, "URL is missing, or not an address such as tls://"),
    ({**SOAP, "SOAP_NAMESPACE": ""}, "SOAP_NAMESPACE is missing"),
    ({**SOAP, "SOAP_ACTIVATED": "isActivated"}, "SOAP_ACTIVATED must be written operation(user)"),
    ({**SOAP, "SOAP_ACTIVATED": "isActivated(user,code)"}, "SOAP_ACTIVATED must be written operation(user)"),
    ({**SOAP, "SOAP_VALIDATE": "validateOTP(user)"}, "SOAP_VALIDATE must be written operation(user,code)"),
    ({**SOAP, "SOAP_VALIDATE": "validate><x>(user,code)"}, "SOAP_VALIDATE must be written operation(user,code)"),
    ({**SOAP, "SOAP_ACTION": 'urn:"canary'}, "SOAP_ACTION has signs"),
    ({**SOAP, "SOAP_ACTION": "urn:x\r\nX: y"}, "SOAP_ACTION has signs"),
    ({**SOAP, "USER": "cerbere"}, "USER goes with"),
    ({**SOAP, "USER": "cer:bere", "PASSWORD": "canary"}, "USER goes with"),
    ({"COLUMN_SECRET": "secret; DROP TABLE x"}, "COLUMN_SECRET is not the name of a column"),
    ({"COLUMN_USERID": ""}, "COLUMN_USERID is not the name of a column"),
    ({"COLUMN_LOCKED": "a.b"}, "COLUMN_LOCKED is not the name of a column"),
    ({"TABLE": "dynalogin_user\n"}, "TABLE is not the name of a table"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "line"), UNSAFE, ids=str)
def test_an_unsafe_source_is_one_line_that_quotes_nothing(found, values, line):
    (fault,) = found(values)
    assert f"CERBERE_MELOTP_{line}" in fault
    assert "canary" not in fault
    assert "\n" not in fault
