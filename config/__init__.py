"""Loads the Celery app, so that whoever enqueues a task speaks to the broker of the settings."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
