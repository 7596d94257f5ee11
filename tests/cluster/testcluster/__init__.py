"""A complete Kubernetes cluster on this machine, for tests and the demo. Start with ../cluster.py."""
