# The services of several processes: gateway, gatekeeper, launcher. Build at the root of the repository:
#   docker build -f k8s/images/services.Dockerfile -t beamgate/services:0.1.0 .
FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm install --omit=dev --no-save --no-audit --no-fund && npm run build

FROM node:26-bookworm-slim
WORKDIR /opt/beamgate
COPY package.json ./
COPY scripts/service.sh scripts/
COPY agent agent
COPY environments environments
COPY --from=build /src/node_modules/reflect-metadata node_modules/reflect-metadata
COPY --from=build /src/dist/bundle dist/bundle
USER 10000:10000
ENTRYPOINT ["scripts/service.sh"]
