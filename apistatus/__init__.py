"""Availability checks as a durable stream: web endpoints -> Kafka -> PostgreSQL."""

__version__ = "0.1.0"
