"""Plain values: what a task declares and what it produced. Nothing here imports Airflow."""
