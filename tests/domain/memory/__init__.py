"""The books in memory keep the promises of the books on PostgreSQL."""
