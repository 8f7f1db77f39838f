"""Where the service runs: settings, Redis keys and scripts, storage, lifecycle, validators."""
