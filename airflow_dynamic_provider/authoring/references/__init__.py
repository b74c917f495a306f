"""What stands for values in a Dag file, and how it is used."""
