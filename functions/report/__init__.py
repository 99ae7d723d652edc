"""Opens the report of an execution in a browser, by the link in the question that a person is asked."""
