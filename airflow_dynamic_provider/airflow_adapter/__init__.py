"""Everything that the package uses of Airflow beyond ``airflow.sdk``."""
