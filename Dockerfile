# The images of this project for people with Docker; `npm run image` makes the same layout without it (image/README.md).
#
#   docker build -t fractal-lba .
#   docker build -t fractal-lba-operator --target operator .
#
# The first stage runs the code that `npm run image` runs, so what is in an image is said in one place: image/src/images.ts.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund \
  && node image/src/main.ts --rootfs /rootfs/verifier --image fractal-lba \
  && node image/src/main.ts --rootfs /rootfs/operator --image fractal-lba-operator

FROM scratch AS operator
COPY --from=build /rootfs/operator/ /
ENV PATH=/usr/local/bin NODE_ENV=production MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
USER 65532:65532
EXPOSE 8081 8443
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=1", "--expose-gc", "/app/operator/bundle/main.mjs"]

FROM scratch AS verifier
COPY --from=build /rootfs/verifier/ /
# COPY makes everything root's; this is what the process writes.
COPY --from=build --chown=65532:65532 /rootfs/verifier/var/lib/fractal-lba /var/lib/fractal-lba
ENV PATH=/usr/local/bin NODE_ENV=production WAL_DIR=/var/lib/fractal-lba/wal
WORKDIR /app
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning", "/app/backend/src/main.ts"]
