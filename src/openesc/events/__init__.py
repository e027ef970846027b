"""The event log and its readers. Events are written in the transaction of the change they tell."""
