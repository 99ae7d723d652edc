"""Brings MLflow's database up to the released image, once, before any task of that image starts."""
