"""Programs written for Dagster, run as Dags."""
