"""How people reach the service: HTTP applications, client and command line."""
