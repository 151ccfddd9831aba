"""The small parent of a service: starts its processes, restarts what dies, ends them in order.

It imports the standard library alone, answers no request and holds no data. The workers are started
by it and not by `bentoml serve`, whose parent opens an unauthenticated port on which any user of the
machine can have it start commands.
"""
