# The prediction service: what requirements/service.txt locks and service/, nothing that compiles or trains.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# Raise it to take the base image's fixes: the tag of an image is made of the bytes of its inputs.
ARG REFRESHED=2026-11-21
ARG PIP_CERT=
COPY requirements/service.txt /tmp/requirements.txt
RUN --mount=type=secret,id=pip_ca,target=/run/pip-ca.crt \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r /tmp/requirements.txt
COPY docker/healthy.py /opt/healthy.py
COPY service/ /app/service/
# The root is read-only later, so nobody could write these then; a hash needs no time stamps to agree.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /app /opt/healthy.py

FROM ${BASE} AS run
LABEL org.opencontainers.image.title="evergreen-service" \
      org.opencontainers.image.description="Serves one registered model over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt /opt
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    EVERGREEN_HOST=0.0.0.0 \
    EVERGREEN_PORT=8000 \
    EVERGREEN_CACHE=/tmp/evergreen
WORKDIR /app
USER 10001:10001
# The one folder that is written to: a volume that Fargate mounts here takes over who may.
VOLUME ["/tmp"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-I", "-S", "/opt/healthy.py", "8000", "/livez"]
CMD ["python", "-m", "service"]
