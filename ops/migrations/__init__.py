"""The database's versions, oldest first; `paylink migrate` brings a database to the newest."""
