"""Programs written for Dagster. Each job is a program."""
