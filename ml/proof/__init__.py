"""What is measured of a version before it is judged: its cost, its answers over HTTP, captured rows, its lineage."""
