"""The dashboards about documents: how long they take, what fails, what they cost."""

from __future__ import annotations

from dashboards.parts import (
    BAD_WHEN_ANY,
    CPU_PER_DOCUMENT,
    CPU_PER_PAGE,
    ERROR_RATE,
    GOOD_BELOW_SLA,
    GOOD_NEAR_ZERO,
    GOOD_WHEN_ONE,
    LATENCY,
    Board,
    Panel,
    Query,
    Row,
    grown,
    quantile,
)

DOCUMENTS = Board(
    "decalogo-documents",
    "Decálogo: documents",
    "How long documents take, and in which step.",
    (
        Row(
            "Latency",
            (
                Panel(
                    "Latency, whole distribution",
                    "Documents per five minutes, by seconds from claim to result.",
                    (Query(f"sum by (le) (increase({LATENCY}_bucket[5m]))", "{{le}}"),),
                    unit="s",
                    kind="heatmap",
                ),
                Panel(
                    "Latency",
                    "From claim to result.",
                    tuple(
                        Query(quantile(share, LATENCY), name)
                        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                    ),
                    unit="s",
                    thresholds=GOOD_BELOW_SLA,
                ),
            ),
        ),
        Row(
            "Steps",
            (
                Panel(
                    "Seconds per document, by step",
                    "Of documents that were evaluated in the last hour.",
                    (
                        Query(
                            "sum by (node) (increase(pipeline_node_seconds_total[1h])) / on () group_left "
                            f"sum(increase({LATENCY}_count[1h]))",
                            "{{node}}",
                        ),
                    ),
                    unit="s",
                    kind="stack",
                    width=24,
                ),
            ),
        ),
        Row(
            "Size",
            (
                Panel(
                    "Pages per document",
                    "Mean of the last hour.",
                    (
                        Query(
                            "sum(increase(pages_processed_total[1h])) / "
                            'sum(increase(documents_processed_total{status="succeeded"}[1h]))',
                            "pages",
                        ),
                    ),
                ),
                Panel(
                    "Answered from the cache",
                    "Documents per hour.",
                    (Query("increase(result_cache_hits_total[1h])", "from the cache"),),
                ),
            ),
        ),
    ),
)

ERRORS = Board(
    "decalogo-errors",
    "Decálogo: errors",
    "What fails, what is tried again, what is refused.",
    (
        Row(
            "Documents",
            (
                Panel(
                    "Error rate",
                    "Failed among those that ended; above 5 % somebody is told.",
                    (Query(ERROR_RATE, "failed"),),
                    unit="percentunit",
                    thresholds=GOOD_NEAR_ZERO,
                ),
                Panel(
                    "Dead letters",
                    "Documents that failed for good after all their attempts, per hour.",
                    (Query("increase(dead_letters_total[1h])", "dead letters"),),
                ),
                Panel(
                    "Retries by code",
                    "Attempts that failed and are repeated, per hour.",
                    (Query(f"sum by (code) ({grown('document_retries_total')})", "{{code}}"),),
                    kind="stack",
                ),
                Panel(
                    "Results that differ",
                    "Must be 0.",
                    (Query("results_differing_total", "differ"),),
                    thresholds=BAD_WHEN_ANY,
                ),
            ),
        ),
        Row(
            "Uploads and registry",
            (
                Panel(
                    "Refused uploads by code",
                    "Per hour.",
                    (Query(f"sum by (code) ({grown('uploads_refused_total')})", "{{code}}"),),
                    kind="stack",
                ),
                Panel(
                    "Registry",
                    "1 while it answers; losses of data must be 0, and so must it be another than that of the files.",
                    (
                        Query("redis_up", "answers"),
                        Query("registry_data_losses_total", "losses"),
                        Query("registry_mismatch", "another registry"),
                    ),
                    thresholds=GOOD_WHEN_ONE,
                ),
            ),
        ),
    ),
)

COST = Board(
    "decalogo-cost",
    "Decálogo: cost per document",
    "Processor time of the evaluators, times the price of a core-hour chosen above.",
    (
        Row(
            "Now",
            (
                Panel(
                    "CPU seconds per document",
                    "Mean of the last hour.",
                    (Query(CPU_PER_DOCUMENT, "per document"),),
                    unit="s",
                    kind="stat",
                ),
                Panel(
                    "CPU per page",
                    "Mean of the last hour.",
                    (Query(f"sum({CPU_PER_PAGE})", "per page"),),
                    unit="s",
                    kind="stat",
                ),
            ),
        ),
        Row(
            "Money",
            (
                Panel(
                    "Cost of 1,000 documents",
                    "At the price of a core-hour above.",
                    (Query(f"1000 * ({CPU_PER_DOCUMENT}) / 3600 * $price", "1,000 documents"),),
                    unit="currencyUSD",
                ),
                Panel(
                    "Cost per hour",
                    "What the evaluators use now.",
                    (Query("sum(rate(evaluator_cpu_seconds_total[5m])) * $price", "per hour"),),
                    unit="currencyUSD",
                ),
            ),
        ),
    ),
    has_prices=True,
)
