"""Cerbère's settings, all from the environment (docs/settings.md)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cerbere import env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where Cerbère is -------------------------------------------------------------------------------
PUBLIC_URL = env.public_url("CERBERE_PUBLIC_URL", "http://localhost:8000")
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or ""]
TRUSTED_PROXIES = env.number("CERBERE_TRUSTED_PROXIES", 0, 0, 5)
SECRET_KEY = env.text("CERBERE_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.text("CERBERE_SECRET_KEY_FALLBACKS").split()
DEBUG = env.flag("CERBERE_DEBUG")
DEMO = env.flag("CERBERE_DEMO")
BRAND = env.text("CERBERE_MARQUE", "neutre")
SUPPORT_CONTACT = env.text("CERBERE_ASSISTANCE")
ACCESSIBILITY_STATE = env.choice(
    "CERBERE_ACCESSIBILITE", "non conforme", ("non conforme", "partiellement conforme", "totalement conforme")
)

# --- What it is made of -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "cerbere.portal",
    "cerbere.provider",
    "twofactor",
    "accounts",
    "cerbere.audit",
    "cerbere.apps.CerbereAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_tasks",
    "django_tasks_db",
    *(["cerbere.demo"] if DEMO else []),
]
MIDDLEWARE = [
    "cerbere.audit.middleware.RequestIdMiddleware",
    "cerbere.portal.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cerbere.portal.middleware.ContentPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cerbere.portal.middleware.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "cerbere.core.content_type.MultipartMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "cerbere.provider.authorization.middleware.PendingRequestMiddleware",
]
ROOT_URLCONF = "cerbere.urls"
WSGI_APPLICATION = "cerbere.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cerbere.portal.context_processors.site",
                "cerbere.provider.authorization.context_processors.pending",
            ],
        },
    }
]

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}  # worked off by manage.py db_worker

# --- Where things are kept --------------------------------------------------------------------------
DATABASES = {
    "default": env.database(
        "CERBERE_DATABASE_URL", f"sqlite:///{BASE_DIR / 'cerbere.sqlite3'}", env.flag("CERBERE_DATABASE_POOLER")
    )
}
CACHES = {"default": env.cache("CERBERE_CACHE_URL")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = env.time_zone("CERBERE_TIME_ZONE", "Europe/Paris")

# --- Agents and their sessions ----------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.Agent"
AUTHENTICATION_BACKENDS = ["twofactor.backends.AgentBackend"]
PASSWORD_HASHERS = ["accounts.sign_in.hashers.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.sign_in.validators.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.sign_in.validators.ContextWordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ("uid", "email", "given_name", "family_name")}},
]  # fmt: skip
LDAP_URL = env.text("CERBERE_LDAP_URL")
LDAP_CA_FILE = env.text("CERBERE_LDAP_CA_FILE")
LDAP_BASE = env.text("CERBERE_LDAP_BASE")
LDAP_ATTRIBUTES = env.text("CERBERE_LDAP_ATTRIBUTES")
LDAP_PASSWORD_URL = env.text("CERBERE_LDAP_PASSWORD_URL")
AUTH_LDAP_SERVER_URI = LDAP_URL  # AUTH_LDAP_…: django-auth-ldap's own names
AUTH_LDAP_START_TLS = env.flag("CERBERE_LDAP_STARTTLS")
AUTH_LDAP_BIND_DN = env.text("CERBERE_LDAP_BIND_DN")
AUTH_LDAP_BIND_PASSWORD = env.text("CERBERE_LDAP_BIND_PASSWORD")
DIRECTORY = "accounts.directory.ldap_directory.LdapDirectory" if LDAP_URL else ""
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "account"
SESSION_ENGINE = "accounts.sessions.store"
SESSION_IDLE = timedelta(minutes=env.number("CERBERE_SESSION_IDLE_MINUTES", 120, 1, 1440))
SESSION_ABSOLUTE = timedelta(minutes=env.number("CERBERE_SESSION_ABSOLUTE_MINUTES", 600, 5, 1440))
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}cerbere_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}cerbere_csrf"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}cerbere_langue"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "cerbere.portal.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Second factors ---------------------------------------------------------------------------------
SEED_KEYS = env.text("CERBERE_SEED_KEYS")
OTP_TOLERANCE = env.number("CERBERE_OTP_TOLERANCE", 1, 0, 2)
SECOND_FACTOR_MAX_AGE = timedelta(minutes=env.number("CERBERE_SECOND_FACTOR_MINUTES", 600, 5, 1440))
MELOTP_SOURCE = env.choice(
    "CERBERE_MELOTP_SOURCE", "database", ("database", "imported", "dynalogind", "webservice", "http")
)
MELOTP_TABLE = env.text("CERBERE_MELOTP_TABLE", "dynalogin_user")
MELOTP_COLUMNS = {
    name: env.text(f"CERBERE_MELOTP_COLUMN_{name.upper()}", name)
    for name in ("userid", "scheme", "secret", "locked", "password")
}
MELOTP_ENCODING = env.choice("CERBERE_MELOTP_ENCODING", "raw", ("raw", "base32", "hex"))
MELOTP_DATABASE_URL = env.text("CERBERE_MELOTP_DATABASE_URL")
MELOTP_DATABASE_POOLER = env.flag("CERBERE_MELOTP_DATABASE_POOLER")
if MELOTP_DATABASE_URL:
    DATABASES["bnum"] = env.database("CERBERE_MELOTP_DATABASE_URL", "", MELOTP_DATABASE_POOLER)
MELOTP_URL = env.text("CERBERE_MELOTP_URL")
MELOTP_DEADLINE = env.number("CERBERE_MELOTP_SECONDS", 2, 1, 2)  # a page asks twice at most, and must come within 5
MELOTP_CA = env.text("CERBERE_MELOTP_CA")
MELOTP_CLIENT_CERTIFICATE = env.text("CERBERE_MELOTP_CLIENT_CERTIFICATE")
MELOTP_CLIENT_CERTIFICATE_FILE = env.file_path("CERBERE_MELOTP_CLIENT_CERTIFICATE")
MELOTP_TOKEN = env.text("CERBERE_MELOTP_TOKEN")
MELOTP_USER = env.text("CERBERE_MELOTP_USER")
MELOTP_PASSWORD = env.text("CERBERE_MELOTP_PASSWORD")
MELOTP_SOAP_NAMESPACE = env.text("CERBERE_MELOTP_SOAP_NAMESPACE")
MELOTP_SOAP_ACTIVATED = env.text("CERBERE_MELOTP_SOAP_ACTIVATED", "isActivated(user)")
MELOTP_SOAP_VALIDATE = env.text("CERBERE_MELOTP_SOAP_VALIDATE", "validateOTP(user,code)")
MELOTP_SOAP_ACTION = env.text("CERBERE_MELOTP_SOAP_ACTION")
MELOTP_SOAP_QUALIFIED = env.flag("CERBERE_MELOTP_SOAP_QUALIFIED")
DATABASE_ROUTERS = ["twofactor.sources.database.BnumRouter"]

# --- The provider -----------------------------------------------------------------------------------
SIGNING_KEYS = env.text("CERBERE_SIGNING_KEYS")
SIGNING_KEYS_FILE = env.file_path("CERBERE_SIGNING_KEYS")
PAIRWISE_SALT = env.text("CERBERE_PAIRWISE_SALT")

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
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # no page takes more: long input is refused before it is read
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # of a whole request with files, for the import of agents
FILE_UPLOAD_HANDLERS = ["cerbere.core.uploads.BoundedUploadHandler"]
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("CERBERE_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "cerbere" / "locale"]

# --- Mail and logs ----------------------------------------------------------------------------------
EMAIL_HOST = env.text("CERBERE_EMAIL_HOST")
EMAIL_PORT = env.number("CERBERE_EMAIL_PORT", 25, 1, 65535)
EMAIL_USE_TLS = env.flag("CERBERE_EMAIL_STARTTLS")
EMAIL_TIMEOUT = 4  # seconds
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("CERBERE_EMAIL_FROM", "cerbere@localhost")
AUDIT_RETENTION = timedelta(days=env.number("CERBERE_AUDIT_DAYS", 365, 1, 3650))
LOG_LEVEL = env.choice("CERBERE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING_CONFIG = "cerbere.audit.logs.configure_logging"
LOGGING = {"level": LOG_LEVEL}
