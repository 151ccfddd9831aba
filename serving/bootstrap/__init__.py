"""Where the scoring process is put together: the one place its real parts meet.

Everything fails here, at the start, with one sentence: no release, an altered file, a missing
signature, no online rows. Nothing a training library wrote is loaded that was not verified. Once it
runs, a worker follows the signed files that say what is served and what is stopped; what it would
refuse at the start it refuses then, and goes on with what it has.
"""
