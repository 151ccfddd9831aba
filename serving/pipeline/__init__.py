"""The steps of `bank run`, in order, each done once for the same inputs."""
