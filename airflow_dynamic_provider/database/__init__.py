"""Reads and changes Airflow's database for commands and pages. No task imports it."""
