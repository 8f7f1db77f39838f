"""The same pipeline behind Celery, Redis and FastAPI: what one would build without Ray, to be measured beside it."""
