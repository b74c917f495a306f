"""What commands and pages read from Airflow's database, and change there. No task imports it."""
