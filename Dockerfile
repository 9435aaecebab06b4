# Two images of static binaries that run as nobody, on nothing:
#
#   docker build -t muster .                     the command: agent, operators' verbs
#   docker build -t muster-shop --target shop .  the example's three services

FROM golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/muster/ ./cmd/muster \
 && go build -trimpath -ldflags "-s -w" -o /out/shop/ ./examples/shop/storefront ./examples/shop/checkout ./examples/shop/shipping

FROM scratch AS shop
COPY --from=build /out/shop/ /
USER 65532:65532
EXPOSE 8080

FROM scratch AS muster
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/muster/ /
USER 65532:65532
EXPOSE 7420 7421
ENTRYPOINT ["/muster"]
