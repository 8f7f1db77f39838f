"""The dashboards about the service: overview, evaluators, queue and jobs."""

from __future__ import annotations

from dashboards.parts import (
    BAD_WHEN_ANY,
    ERROR_RATE,
    GOOD_ABOVE_SLA,
    GOOD_BELOW_SLA,
    GOOD_NEAR_ZERO,
    GOOD_WHEN_ONE,
    LATENCY,
    QUEUE,
    WAIT,
    Board,
    Panel,
    Query,
    Row,
    quantile,
)

THROUGHPUT = Panel(
    "Throughput",
    "Documents ended per hour of work, last five minutes. Promised are 170; idle time does not count.",
    (Query("batch_throughput_per_hour", "documents per hour"),),
    unit="none",
    kind="stat",
    width=5,
    thresholds=GOOD_ABOVE_SLA,
)
QUEUE_DEPTH = Panel(
    "Queue depth",
    "Documents that wait to be claimed.",
    (Query('queue_depth{queue_name="pdm_evaluation_queue"}', "waiting"),),
    unit="none",
    kind="stat",
    width=5,
    thresholds=QUEUE,
)
UTILIZATION = Panel(
    "Utilization",
    "Busy time of the evaluators that may work at once, in percent.",
    (
        Query(
            "sum by (job, instance) (worker_utilization) / on (job, instance) "
            "((evaluators_alive < running_places) or running_places)",
            "busy",
        ),
    ),
    unit="percent",
    kind="stat",
    width=5,
)
P95 = Panel(
    "p95 latency",
    "From claim to result, of the last five minutes. Allowed are 21.2 s.",
    (Query(quantile(0.95, LATENCY), "p95"),),
    unit="s",
    kind="stat",
    width=5,
    thresholds=GOOD_BELOW_SLA,
)
ERRORS = Panel(
    "Error rate",
    "Documents that failed among those that ended, last five minutes.",
    (Query(ERROR_RATE, "failed"),),
    unit="percentunit",
    kind="stat",
    width=4,
    thresholds=GOOD_NEAR_ZERO,
)

OVERVIEW = Board(
    "decalogo-overview",
    "Decálogo: batch overview",
    "Is the service level kept, and is anything in the way?",
    (
        Row("Now", (THROUGHPUT, QUEUE_DEPTH, UTILIZATION, P95, ERRORS)),
        Row(
            "Today",
            (
                Panel(
                    "Documents ended",
                    "Per minute, by how they ended.",
                    (Query("sum by (status) (rate(documents_processed_total[5m])) * 60", "{{status}}"),),
                    kind="stack",
                ),
                Panel(
                    "Throughput against the service level",
                    "Only while there is work.",
                    (
                        Query(
                            "batch_throughput_per_hour and on (job, instance) work_present == 1", "per hour"
                        ),
                    ),
                    thresholds=GOOD_ABOVE_SLA,
                ),
                Panel(
                    "Waiting and running",
                    "What is in the system now.",
                    (
                        Query('queue_depth{queue_name="pdm_evaluation_queue"}', "waiting"),
                        Query('queue_depth{queue_name="delayed"}', "waiting for a retry"),
                        Query("documents_in_flight", "given out"),
                    ),
                    kind="stack",
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
            "Health",
            (
                Panel(
                    "Redis",
                    "1 while the registry answers.",
                    (Query("redis_up", "Redis"),),
                    kind="stat",
                    width=6,
                    thresholds=GOOD_WHEN_ONE,
                ),
                Panel(
                    "Evaluators",
                    "That run now.",
                    (Query("evaluators_alive", "alive"),),
                    kind="stat",
                    width=6,
                    thresholds=GOOD_WHEN_ONE,
                ),
                Panel(
                    "Free space",
                    "Where uploads and results are kept.",
                    (Query("storage_free_bytes", "free"),),
                    unit="bytes",
                    kind="stat",
                    width=6,
                ),
                Panel(
                    "Results that differ",
                    "Must be 0: equal documents, unequal results.",
                    (Query("results_differing_total", "differ"),),
                    kind="stat",
                    width=6,
                    thresholds=BAD_WHEN_ANY,
                ),
            ),
        ),
    ),
)

EVALUATORS = Board(
    "decalogo-evaluators",
    "Decálogo: evaluators",
    "How many there are, what they do, what they hold.",
    (
        Row(
            "The pool",
            (
                Panel(
                    "Evaluators and places",
                    "Those that run, and how many documents may be worked on at once.",
                    (Query("evaluators_alive", "alive"), Query("running_places", "places")),
                    unit="none",
                ),
                Panel(
                    "Utilization of each",
                    "Share of the last minute at work on a document.",
                    (Query("worker_utilization", "{{worker_id}}"),),
                    unit="percent",
                    most=100,
                ),
            ),
        ),
        Row(
            "What they cost",
            (
                Panel(
                    "Memory of each",
                    "Evaluator with its child, resident.",
                    (Query("evaluator_memory_bytes", "{{worker_id}}"),),
                    unit="bytes",
                ),
                Panel(
                    "Cores in use",
                    "By all evaluators and their children.",
                    (Query("sum(rate(evaluator_cpu_seconds_total[5m]))", "cores"),),
                ),
            ),
        ),
        Row(
            "Restarts",
            (
                Panel(
                    "Deaths and replacements",
                    "Per hour.",
                    (
                        Query("increase(evaluator_deaths_total[1h])", "died with a document"),
                        Query("increase(evaluators_outgrown_total[1h])", "left because they had grown"),
                        Query("increase(leases_expired_total[1h])", "claims given away"),
                    ),
                ),
                Panel(
                    "Loads and children",
                    "Models loaded, and reading children replaced, per hour.",
                    (
                        Query("increase(engine_loads_total[1h])", "models loaded"),
                        Query("increase(extraction_child_restarts_total[1h])", "children replaced"),
                    ),
                ),
            ),
        ),
    ),
)

QUEUE_AND_JOBS = Board(
    "decalogo-queue",
    "Decálogo: queue and jobs",
    "What waits, for how long, and what became of the jobs.",
    (
        Row(
            "Queue",
            (
                Panel(
                    "Waiting",
                    "Documents, by where they wait.",
                    (Query("queue_depth", "{{queue_name}}"),),
                    kind="stack",
                ),
                Panel(
                    "Age of the oldest",
                    "How long the first document of the queue has waited.",
                    (Query("queue_oldest_age_seconds", "oldest"),),
                    unit="s",
                ),
                Panel(
                    "Wait until the claim",
                    "Of documents that were claimed.",
                    (
                        Query(quantile(0.5, WAIT), "p50"),
                        Query(quantile(0.95, WAIT), "p95"),
                    ),
                    unit="s",
                ),
                Panel(
                    "Submitted and ended",
                    "Documents per minute.",
                    (
                        Query("rate(documents_submitted_total[5m]) * 60", "submitted"),
                        Query("sum(rate(documents_processed_total[5m])) * 60", "ended"),
                    ),
                ),
            ),
        ),
        Row(
            "Jobs",
            (
                Panel(
                    "Unfinished jobs",
                    "Accepted or being uploaded.",
                    (Query("jobs_unfinished", "unfinished"),),
                ),
                Panel(
                    "Jobs per hour",
                    "Submitted, and by how they ended.",
                    (
                        Query("increase(jobs_submitted_total[1h])", "submitted"),
                        Query("sum by (status) (increase(jobs_ended_total[1h]))", "{{status}}"),
                    ),
                ),
            ),
        ),
        Row(
            "Uploads",
            (
                Panel(
                    "Received",
                    "Bytes of uploads, refused ones included.",
                    (Query("sum(rate(upload_bytes_total[5m]))", "received"),),
                    unit="Bps",
                ),
                Panel(
                    "Free space",
                    "Below the line no batch is accepted.",
                    (
                        Query("storage_free_bytes", "free"),
                        Query("storage_needed_bytes", "needed"),
                    ),
                    unit="bytes",
                ),
            ),
        ),
    ),
)
