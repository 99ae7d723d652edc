"""A small CodePipeline V2 that forgets nothing: what passes between its stages is on disk before it happens.

It runs executions in QUEUED mode and refuses a pipeline that asks for more than it knows. What is missing: triggers by
a push, conditions, transitions that a person closes, actions of other providers than the four in `providers`.
"""
