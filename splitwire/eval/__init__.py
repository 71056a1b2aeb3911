"""The scoring: data sets, metrics, experiments, and the report of a run."""
