# The app and the worker. The database is beside it (compose.yaml), so the embedded one isn't used here.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/sebilling && /opt/sebilling/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml hatch_build.py README.md ./
COPY tools/web.py ./tools/web.py
COPY web ./web
COPY sebilling ./sebilling
COPY plugins ./plugins
RUN /opt/sebilling/bin/pip install --no-cache-dir --no-deps --no-build-isolation . ./plugins/mikrotik ./plugins/nftables ./plugins/notify ./plugins/olt ./plugins/radius

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 sebilling && install -d -o sebilling -g sebilling /home/sebilling/var /home/sebilling/backups
COPY --from=build /opt/sebilling /opt/sebilling
ENV PATH=/opt/sebilling/bin:$PATH PYTHONUNBUFFERED=1 SEBILLING_HOST=0.0.0.0 SEBILLING_PORT=8000
USER sebilling
WORKDIR /home/sebilling
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["sebilling", "serve"]
