"""Grafana dashboards: described in ``*_boards``, built by ``build``, checked in as JSON beside them."""
