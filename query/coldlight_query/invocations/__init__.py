"""Functions and their runs, whoever told of them: spans, the Telemetry API, lines of the log (ADR 18).

run.py        one run of a function: all that is known of it
runs.py       asks the store for runs: of some requests, or of a stretch of time
names.py      which function a name or an ARN means
functions.py  the functions page: counts, quantiles, what to worry about
warnings.py   what to worry about, by default thresholds
deployments.py  versions: when each was first seen, and what it changed
models.py     the answers
"""
