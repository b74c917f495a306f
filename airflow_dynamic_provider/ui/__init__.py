"""Pages inside Airflow's UI, and the JSON behind them. `plugin` is what Airflow loads."""
