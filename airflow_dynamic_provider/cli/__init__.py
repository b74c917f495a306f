"""``airflow dynamic-outputs ...``: one module a command; `definition` says which there are."""
