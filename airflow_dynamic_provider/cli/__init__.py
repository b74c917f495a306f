"""``airflow dynamic-outputs ...``: one module for each command. `definition` lists the commands."""
