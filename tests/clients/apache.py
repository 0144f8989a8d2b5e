"""Debian's apache2 with mod_auth_openidc in front of an application, with a configuration of ours."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.processes import running_process
from tests.support import people
from tests.support.servers.programs import find_program

IMPOSSIBLE = {"id_token": {"acr": {"essential": True, "value": "eidas3"}}}
MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "rewrite", "auth_openidc")
CONFIGURATION = """
ServerRoot {place}
DefaultRuntimeDir {place}
PidFile {place}/apache2.pid
ErrorLog {place}/error.log
LogLevel notice auth_openidc:info
ServerName localhost:{port}
Listen 127.0.0.1:{port}
StartServers 1
# The module's error pages leave more on the connection than they say; browsers open another one, our agent does not.
KeepAlive Off
{modules}
{account}

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret {client_secret}
OIDCRedirectURI http://localhost:{port}/oidc/callback
OIDCDefaultLoggedOutURL http://localhost:{port}/goodbye
OIDCCryptoPassphrase {passphrase}
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub

# This version takes an error that names its issuer (RFC 9207) for a sign-in that somebody else starts.
RewriteEngine On
RewriteCond %{{QUERY_STRING}} ^(error=.*)&iss=[^&]*$
RewriteRule ^/oidc/callback$ /oidc/callback?%1 [PT]

ProxyPass /oidc/ !
ProxyPass / {application}/

<Location />
    AuthType openid-connect
</Location>
<Location /oidc/>
    Require valid-user
</Location>
<Location /goodbye>
    Require all granted
</Location>
<Location /notes>
    Require valid-user
</Location>
<Location /assistant>
    OIDCPathAuthRequestParams acr_values=eidas2
    OIDCUnAutzAction auth
    Require claim acr:eidas2
</Location>
<Location /silent>
    OIDCPathAuthRequestParams prompt=none
    Require valid-user
</Location>
<Location /impossible>
    OIDCPathAuthRequestParams claims={impossible}
    Require valid-user
</Location>
"""


def load_module(name: str) -> str:
    path = MODULES / f"mod_{name}.so"
    if not path.exists():
        pytest.fail(f"{path} is missing: install libapache2-mod-auth-openidc, or run make test", pytrace=False)
    return f"LoadModule {name}_module {path}"


@contextmanager
def running_apache(place: Path, port: int, issuer: str, application: str) -> Iterator[str]:
    """Run Apache, and yield its URL. Root starts it as nobody: its log, opened before, is all that it writes."""
    binary = find_program("apache2")
    configuration = place / "apache2.conf"
    configuration.write_text(
        CONFIGURATION.format(
            place=place, port=port, issuer=issuer, application=application, client_secret=people.CLIENT_SECRET,
            passphrase=secrets.token_hex(16), modules="\n".join(map(load_module, LOADED)),
            impossible=quote(json.dumps(IMPOSSIBLE, separators=(",", ":"))),
            account="User nobody\nGroup nogroup" if os.geteuid() == 0 else "",
        )
    )  # fmt: skip
    command = [binary, "-f", str(configuration), "-DFOREGROUND"]
    with running_process(command, f"http://localhost:{port}/goodbye", place / "output.log"):
        yield f"http://localhost:{port}"
