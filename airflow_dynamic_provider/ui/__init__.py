"""Pages inside Airflow's UI, and their JSON API. Airflow loads `plugin`."""
