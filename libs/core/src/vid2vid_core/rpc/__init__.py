"""The gRPC side that all services share: server, interceptors, channels, uploads."""
