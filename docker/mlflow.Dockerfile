# The MLflow server, and with another command its migration: mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI".
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Raise it to take the base image's fixes: the tag of an image is made of the bytes of its inputs.
ARG REFRESHED=2026-11-21
ARG PIP_CERT=
COPY requirements/mlflow.txt /tmp/requirements.txt
RUN --mount=type=secret,id=pip_ca,target=/run/pip-ca.crt \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r /tmp/requirements.txt
COPY docker/healthy.py docker/mlflow-auth.ini /opt/

FROM ${BASE} AS run
LABEL org.opencontainers.image.title="evergreen-mlflow" \
      org.opencontainers.image.description="The MLflow tracking server and registry" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt /opt
# Two workers without job consumers take half the memory of the defaults. The login is off until a command asks for it.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    MLFLOW_BACKEND_STORE_URI=sqlite:////tmp/mlflow.db \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_AUTH_CONFIG_PATH=/opt/mlflow-auth.ini
WORKDIR /tmp
USER 10001:10001
# The one folder that is written to: a volume that Fargate mounts here takes over who may.
VOLUME ["/tmp"]
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-S", "/opt/healthy.py", "5000", "/health"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "2"]
