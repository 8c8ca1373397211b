# The gate's service. Build it from a clean checkout with `make wheel` and `docker build .`.
#
# The service listens on loopback unless callers prove who they are (`GATE_TOKEN_AUDIENCES`, then `serve --host 0.0.0.0`
# behind something that ends TLS, or with `--tls-certificate` and `--tls-key`). Without tokens run this container in the
# network namespace of its caller (a sidecar in the same pod, or `--network container:NAME`); a published port reaches
# nobody.
#
# BASE is any image of the Microsoft Artifact Registry with Python 3.11 or later and pip. Pin it by digest in your build.
ARG BASE=mcr.microsoft.com/azurelinux/base/python:3.12

FROM ${BASE} AS build
COPY constraints.txt dist/gate-*.whl /build/
WORKDIR /build
# From PyPI alone, as wheels, each by the hash that constraints.txt has; a test holds this list to pyproject.toml.
RUN python3 -m pip install --no-cache-dir --require-hashes --only-binary :all: --target /opt/gate \
      --constraint constraints.txt \
      alembic apprise cryptography cyclonedx-python-lib dbos dockerfile isal packageurl-python packaging \
      pip-audit pip-requirements-parser pydantic pypi-simple pyyaml requests rfc8785 rich securesystemslib sqlalchemy \
      tree-sitter tree-sitter-bash typer zstandard \
      fastapi "pyjwt[crypto]" python-multipart uvicorn \
      "psycopg[binary]" py-rattler uv
# The gate itself has no index: its wheel is an archive of modules and is unpacked as one.
RUN python3 -m zipfile -e gate-*.whl /opt/gate \
 && python3 -m compileall -q /opt/gate/gate \
 && mkdir -p /var/lib/gate

FROM ${BASE}
COPY --from=build /opt/gate /opt/gate
COPY --from=build --chown=65532:65532 /var/lib/gate /var/lib/gate
ENV PYTHONPATH=/opt/gate PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 HOME=/var/lib/gate GATE_HOME=/var/lib/gate
USER 65532:65532
WORKDIR /var/lib/gate
VOLUME /var/lib/gate
HEALTHCHECK CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=5)"]
ENTRYPOINT ["python3", "-m", "gate"]
CMD ["serve", "--host", "127.0.0.1", "--port", "8080"]
