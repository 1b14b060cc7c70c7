-- Probes: how many cached answers were built.

CREATE SEQUENCE probe.builds;
