"""The smallest Django site with django-oauth-toolkit: its settings, addresses and application in one module."""

import os

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        SECRET_KEY=os.environ["SECRET_KEY"], ALLOWED_HOSTS=["127.0.0.1"], USE_TZ=True, ROOT_URLCONF=__name__,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.messages", "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {
                "login.html": '<form method="post">{% csrf_token %}<input type="hidden" name="next" '
                'value="{{ next }}">{{ form }}<button>Connexion</button></form>',
            })]},
        }],
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "CONN_MAX_AGE": None,
        }},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.Argon2PasswordHasher"],
        LOGIN_URL="/login/",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True, "OIDC_RSA_PRIVATE_KEY": os.environ["SIGNING_KEY"], "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "openid", "profile": "profile", "email": "email"},
        },
    )  # fmt: skip
    django.setup()

from django.contrib.auth.views import LoginView
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

urlpatterns = [
    path("login/", LoginView.as_view(template_name="login.html")),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
application = get_wsgi_application()


def fill() -> None:
    """Its tables, agents with one password, one application whose secret is kept as it is."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    hashed = make_password(os.environ["PASSWORD"])
    User.objects.bulk_create(
        User(username=f"agent{n:05}", email=f"agent{n:05}@example.fr", password=hashed) for n in range(1000)
    )
    Application.objects.create(
        client_id="bench", client_secret=os.environ["CLIENT_SECRET"], hash_client_secret=False, algorithm="RS256",
        redirect_uris=os.environ["CALLBACK"], client_type="confidential", skip_authorization=True, name="bench",
        authorization_grant_type="authorization-code",
    )  # fmt: skip
