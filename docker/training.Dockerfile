# What runs the training pipeline: CodeBuild in the pipeline's own checkout, or SageMaker and a person in /app.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Raise it to take the base image's fixes: the tag of an image is made of the bytes of its inputs.
ARG REFRESHED=2026-11-21
ARG PIP_CERT=
COPY requirements/build.txt requirements/ml.txt /tmp/requirements/
# Some packages come as source, in pure Python: they are built with what is locked, as `make install` does.
RUN --mount=type=secret,id=pip_ca,target=/run/pip-ca.crt \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    python -m venv /opt/venv \
    && for group in build ml; do \
        /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
            --no-build-isolation --require-hashes -r "/tmp/requirements/$group.txt" || exit 1; \
    done

FROM ${BASE} AS run
LABEL org.opencontainers.image.title="evergreen-training" \
      org.opencontainers.image.description="Trains, proves and releases models" \
      org.opencontainers.image.licenses="Apache-2.0"
# A checkout belongs to whoever mounted it, so git may work in any. DVC wants a name for the user it runs as.
# Debian keeps no older version that could be named.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --uid 10001 --no-create-home --home-dir /tmp --no-log-init evergreen
COPY --from=build /opt /opt
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLBACKEND=Agg \
    MPLCONFIGDIR=/tmp/matplotlib \
    DVC_NO_ANALYTICS=1 \
    DVC_SITE_CACHE_DIR=/tmp/dvc \
    MLFLOW_DISABLE_TELEMETRY=true
WORKDIR /app
# The code may come as an archive without its history, and DVC refuses a folder that is neither.
RUN dvc config --system core.no_scm true
COPY . /app
# No USER: CodeBuild and SageMaker prepare folders that belong to root and start as root. User 10001 works too.
ENTRYPOINT ["python", "-m", "ml.cli"]
CMD ["--help"]
