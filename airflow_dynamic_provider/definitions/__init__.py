"""Plain values: the declarations and the outputs of a task. Nothing here imports Airflow."""
