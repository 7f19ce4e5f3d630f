# landslip without training, on the CPU.
#
#   docker build -t landslip .
#   docker run --rm -v "$PWD:/data" landslip extract SCENE.tif --model MODEL --out MAP
#
# With the map in the browser: --build-arg EXTRAS='[serve]'. The first stage has what builds, the second what runs.
FROM debian:bookworm-slim AS build
ARG EXTRAS=""
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv git ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/landslip
COPY . /source
RUN /opt/landslip/bin/pip install --no-cache-dir --no-compile "/source${EXTRAS}" \
    && /opt/landslip/bin/pip uninstall --yes pip

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home landslip
COPY --from=build /opt/landslip /opt/landslip
ENV PATH="/opt/landslip/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib
USER landslip
WORKDIR /data
HEALTHCHECK --interval=5m --timeout=1m CMD ["landslip", "doctor", "/tmp", "--no-speed"]
ENTRYPOINT ["landslip"]
CMD ["--help"]
