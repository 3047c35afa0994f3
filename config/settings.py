"""Every setting, read from the environment: safe by default, loud when wrong.

docs/settings.md lists them for operators. Relative paths are taken from the project's folder.
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate
from kombu import Queue

from config import embedded
from findings.feeds import eol

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(BASE_DIR / ".env", recurse=False)

# --- where things are kept ------------------------------------------------------------------
# The embedded PostgreSQL and broker, the generated secret key and the demo live here.
DATA_DIR = BASE_DIR / env.str("VIGIE_DATA_DIR", "var")

# --- safety ---------------------------------------------------------------------------------
DEBUG = env.bool("VIGIE_DEBUG", False)
SECRET_KEY = env.str("VIGIE_SECRET_KEY", None) or embedded.secret_key(DATA_DIR)
# Older keys, newest first: credentials sealed with them are still read, new ones use SECRET_KEY.
SECRET_KEY_FALLBACKS = env.list("VIGIE_SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("VIGIE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("VIGIE_TRUSTED_ORIGINS", [])
HTTPS = env.bool("VIGIE_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# --- where it listens -------------------------------------------------------------------------
HOST = env.str("VIGIE_HOST", "127.0.0.1")
PORT = env.int("VIGIE_PORT", 8000)

# --- the parts of the project -----------------------------------------------------------------
INSTALLED_APPS = [
    "registries",
    "scans",
    "findings",
    "billing",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.security.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # clients of the resource-manager doors send paths without one

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
            ],
        },
    }
]

# --- the database: PostgreSQL, the embedded one unless a URL says otherwise --------------------
DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL", embedded.database_url(DATA_DIR), conn_max_age=300, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        "DATABASE_URL must name a PostgreSQL database, such as postgres://user:password@host/vigie."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the broker -------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", embedded.broker_url(DATA_DIR))
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Whoever nudges a worker is told at once that the broker is down: the clock comes round anyway.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "socket_connect_timeout": 2,
}
CELERY_TASK_IGNORE_RESULT = True  # the tables hold the state; messages are only nudges
# A worker takes from its queues in turn, so that a thousand waiting scans keep nothing waiting;
# what waits for registries has a queue of its own, for workers of its own.
CELERY_TASK_DEFAULT_QUEUE = "vigie"
CELERY_TASK_QUEUES = [Queue("vigie"), Queue("scans"), Queue("registries")]
CELERY_TASK_ROUTES = {
    "scans.tasks.scan_next": {"queue": "scans"},
    "registries.tasks.*": {"queue": "registries"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.int("VIGIE_WORKERS", 2)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# --- people -----------------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

# --- files ------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# --- the API ----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["registries.arm.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "registries.arm.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vigie",
    "DESCRIPTION": "Findings of container images, in the shape of the Microsoft.Security API.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "defaultModelsExpandDepth": -1},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Vigie's own choices ----------------------------------------------------------------------
# How far back a pull makes an image worth watching, and how often it is judged again.
PULL_WINDOW_DAYS = env.int("VIGIE_PULL_WINDOW_DAYS", 30)
RESCAN_INTERVAL_DAYS = env.int("VIGIE_RESCAN_INTERVAL_DAYS", 7)
# Folders below which a registry of kind layout may lie: a role on a subscription is no right to
# read the rest of this machine.
LAYOUT_ROOTS = [Path(root) for root in env.list("VIGIE_LAYOUT_ROOTS", [str(DATA_DIR)])]
# How often a registry's catalogue is walked, whatever its events say.
WALK_INTERVAL_SECONDS = env.int("VIGIE_WALK_INTERVAL_SECONDS", 3600)
# How often feeds are asked for news.
FEED_INTERVAL_SECONDS = env.int("VIGIE_FEED_INTERVAL_SECONDS", 3600)
# The public OSV dumps the first start subscribes to, in folders by ecosystem; empty for none.
ADVISORIES_URL = env.str(
    "VIGIE_ADVISORIES_URL", "https://osv-vulnerabilities.storage.googleapis.com"
)
# What the first start asks for known exploitation and for scores, and whence it takes the ends of
# life of distributions; empty for none.
EXPLOITED_URL = env.str(
    "VIGIE_EXPLOITED_URL",
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
)
EPSS_URL = env.str(
    "VIGIE_EPSS_URL", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
)
END_OF_LIFE_URL = env.str("VIGIE_END_OF_LIFE_URL", str(eol.SHIPPED))
# Whether findings of kernel packages count, though a container runs its host's kernel.
COUNT_KERNEL = env.bool("VIGIE_COUNT_KERNEL", False)
# A worker that has not been heard of for this long has lost its scan to another.
SCAN_LEASE_SECONDS = env.int("VIGIE_SCAN_LEASE_SECONDS", 60)
SCAN_MAX_ATTEMPTS = env.int("VIGIE_SCAN_MAX_ATTEMPTS", 5)
# Whether layers may be read where the kernel cannot be told which system calls that needs.
SANDBOX_STRICT = (
    env.str("VIGIE_SANDBOX", "degrade", validate=validate.OneOf(["degrade", "strict"])) == "strict"
)
# What one image digest costs; see billing.
PRICE_PER_IMAGE = env.decimal("VIGIE_PRICE_PER_IMAGE", "0.29")
PRICE_CURRENCY = env.str("VIGIE_PRICE_CURRENCY", "EUR")
# The display name of the container-registry recommendation; clients know it by its key.
RECOMMENDATION_NAME = env.str(
    "VIGIE_RECOMMENDATION_NAME",
    "Container registry images should have vulnerability findings resolved",
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.log_level("VIGIE_LOG_LEVEL", "INFO")},
    # A line per request or per task says nothing that the tables do not.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("httpx", "celery.worker.strategy", "celery.app.trace")
    },
}
