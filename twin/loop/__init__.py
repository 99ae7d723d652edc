"""The loop, from the first deployment to the last inventory: `make twin` shows it, `make twin-test` proves it."""
