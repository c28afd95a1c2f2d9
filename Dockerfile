# The daemon's image. Nothing is built or fetched in the final stage but git and OpenSSH's client.
#
# The base is named by its tag: a digest would be a guess here, where no registry can be asked. Pin it where you build:
# docker build --build-arg BASE=python:3.12-slim-bookworm@sha256:… .
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY requirements-installer.lock requirements-runtime.lock ./
RUN python -m venv /build \
 && /build/bin/python -m pip install --no-cache-dir --no-compile --require-hashes --requirement requirements-installer.lock
# Without pip: what runs needs none.
RUN python -m venv --without-pip /opt/reconciler \
 && /build/bin/uv pip install --no-cache --python /opt/reconciler/bin/python --compile-bytecode --require-hashes --requirement requirements-runtime.lock
COPY pyproject.toml ./
COPY reconciler ./reconciler
# setuptools comes from requirements-installer.lock: no isolated build that fetches another one.
RUN /build/bin/uv build --no-cache --python /build/bin/python --wheel --no-build-isolation --out-dir /wheels . \
 && /build/bin/uv pip install --no-cache --python /opt/reconciler/bin/python --compile-bytecode --no-deps /wheels/*.whl

FROM ${BASE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip*
# ssh wants its user to have a name; whatever runs the image sees the number.
RUN useradd --uid 65532 --user-group --no-create-home --home-dir /var/lib/reconciler --shell /usr/sbin/nologin reconciler \
 && install --directory --owner=65532 --group=65532 --mode=0700 /var/lib/reconciler
COPY --from=build /opt/reconciler /opt/reconciler
# The tree is read-only: state is under /var/lib/reconciler, temporary files under /tmp, both mounted.
ENV PATH=/opt/reconciler/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/reconciler \
    RECONCILER_CONFIG=/etc/reconciler \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["reconciler"]
CMD ["run"]
