"""Code that two or more parts of vid2vid share; the gRPC stubs stand beside it in the package ``vid2vid``."""
