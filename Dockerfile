# One image, two programs: Cerbère (the default command) and the PIAG gateway (docker-compose.yml).

FROM python:3.12-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make gcc libc6-dev libldap-dev libsasl2-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# The dependencies first: their layer stays until the lock changes.
COPY .ci .ci
COPY Makefile pyproject.toml uv.lock ./
RUN make .venv/.run LDAP=1
COPY . .
RUN make assets \
    && .venv/bin/python -m compileall -q accounts cerbere piag_gateway twofactor \
    && .venv/bin/python -m pip uninstall --quiet --yes uv pip

FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libldap-2.5-0 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 cerbere \
    && useradd --system --uid 10001 --gid cerbere --no-create-home --home-dir /nonexistent cerbere
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PROMETHEUS_MULTIPROC_DIR=/tmp
# Further GRANIAN_… variables change what cerbere/serve.py sets.
ENV GRANIAN_HOST=0.0.0.0
USER cerbere
EXPOSE 8000
CMD ["python", "-m", "cerbere.serve", "cerbere.wsgi"]
