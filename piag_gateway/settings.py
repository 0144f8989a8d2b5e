"""The settings of the PIAG gateway, all from the environment (docs/settings.md).

They are not derived from Cerbère's settings: the two programs share no secret, database or cookie.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cerbere import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where PIAG is ----------------------------------------------------------------------------------
PUBLIC_URL = env.public_url("PIAG_PUBLIC_URL", "http://localhost:8001")
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or ""]
TRUSTED_PROXIES = env.number("PIAG_TRUSTED_PROXIES", 0, 0, 5)
SECRET_KEY = env.text("PIAG_SECRET_KEY")
DEBUG = env.flag("PIAG_DEBUG")
BRAND = env.text("PIAG_MARQUE", "neutre")

# --- Cerbère, as its client sees it -----------------------------------------------------------------
ISSUER = env.public_url("PIAG_OIDC_ISSUER", "http://localhost:8000")
ACCEPTED_ACR = env.text("PIAG_ACR", "eidas2 eidas3").split()
# Greatest age of the agent's last authentication, in seconds; 0: PIAG sets no limit, Cerbère's session does.
MAX_AGE = env.number("PIAG_MAX_AGE", 0, 0, 86_400)
OIDC_RP_CLIENT_ID = env.text("PIAG_OIDC_CLIENT_ID", "piag")
OIDC_RP_CLIENT_SECRET = env.text("PIAG_OIDC_CLIENT_SECRET")
OIDC_RP_SCOPES = "openid profile email"
OIDC_USE_PKCE = True
OIDC_AUTHENTICATION_CALLBACK_URL = "sign_in_callback"
OIDC_MAX_STATES = 10  # sign-ins that one session may have under way; a new one then replaces the oldest

# --- Apps and middleware -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "piag_gateway",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    "piag_gateway.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "piag_gateway.middleware.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "piag_gateway.middleware.FaultMiddleware",
]
ROOT_URLCONF = "piag_gateway.urls"
WSGI_APPLICATION = "piag_gateway.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "piag_gateway.pages.context.site",
            ],
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------
DATABASES = {
    "default": env.database(
        "PIAG_DATABASE_URL", f"sqlite:///{BASE_DIR / 'piag.sqlite3'}", env.flag("PIAG_DATABASE_POOLER")
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Paris"

# --- Agents and their sessions ----------------------------------------------------------------------
AUTH_USER_MODEL = "piag_gateway.Visitor"
AUTHENTICATION_BACKENDS = ["piag_gateway.oidc.backend.CerbereBackend"]
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # a subject is unique together with its issuer only
SESSION_ENGINE = "piag_gateway.sessions"
SESSION_ABSOLUTE = timedelta(minutes=env.number("PIAG_SESSION_MINUTES", 600, 5, 1440))
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}piag_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}piag_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "piag_gateway.pages.errors.csrf_failure"

# --- Web --------------------------------------------------------------------------------------------
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        # The forms to sign in and out redirect to Cerbère: Chromium applies form-action to redirects too.
        "form-action": ["'self'", ISSUER],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # bytes; PIAG's forms are far smaller
DATA_UPLOAD_MAX_NUMBER_FIELDS = 50
STATIC_URL = "/static/"
STATIC_ROOT = Path(
    env.text("PIAG_STATIC_ROOT", str(BASE_DIR / "staticfiles"))
)  # one collectstatic serves both programs
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français")]

# --- Logs -------------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("PIAG_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING_CONFIG = "piag_gateway.logs.configure"
LOGGING = {"level": LOG_LEVEL}
